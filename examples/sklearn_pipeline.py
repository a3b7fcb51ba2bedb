"""A table with numbers, words and gaps, by scikit-learn's tools and a net of fastnn.

A pipeline scales the numbers, encodes the words and trains fastnn's MLPClassifier; a grid search
chooses its width and penalty; a calibrated copy and permutation importances follow. Change
`fastnn.sklearn` to `sklearn.neural_network` and it prints the same scores.
"""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fastnn.sklearn import MLPClassifier

# 1,500 flats: area, age (missing in places), town; let or not.
draw = np.random.RandomState(0)
area, age = draw.gamma(6.0, 12.0, 1500), draw.gamma(2.0, 15.0, 1500)
town = draw.choice(["Adorf", "Beheim", "Cestadt"], 1500)
price = 3.0 * area - 1.5 * age + 90.0 * (town == "Cestadt") + 30.0 * draw.randn(1500)
let = np.where(price > np.median(price), "let", "empty")
age[draw.rand(1500) < 0.05] = np.nan
rows = np.column_stack([area, age, town]).astype(object)
train, test, y_train, y_test = train_test_split(rows, let, random_state=0)

numbers = make_pipeline(SimpleImputer(), StandardScaler())
columns = ColumnTransformer([("numbers", numbers, [0, 1]), ("town", OneHotEncoder(), [2])])
net = MLPClassifier(max_iter=100, learning_rate_init=0.01, early_stopping=True, random_state=0)
search = GridSearchCV(
    make_pipeline(columns, net),
    {"mlpclassifier__hidden_layer_sizes": [(8,), (32, 16)], "mlpclassifier__alpha": [1e-4, 1.0]},
    cv=3,
)
search.fit(train, y_train)
print("best:", search.best_params_)
print(f"accuracy {search.score(test, y_test):.3f}")

calibrated = CalibratedClassifierCV(search.best_estimator_, cv=3).fit(train, y_train)
probability = calibrated.predict_proba(test)[:, 1]
print(f"Brier score {np.mean((probability - (y_test == 'let')) ** 2):.3f}")

found = permutation_importance(search, test, y_test, n_repeats=5, random_state=0)
for name, mean in zip(("area", "age", "town"), found.importances_mean, strict=True):
    print(f"importance of {name}: {mean:.2f}")
