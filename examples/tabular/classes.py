"""A table with numbers, texts, dates and gaps: train, look at it, save it, predict new rows.

No preparation: columns are taken as they are. Needs NumPy alone.
"""

import numpy as np

import fastnn
from fastnn.tabular import TabularClassifier

# 1,000 customers, who left or stayed.
draw = np.random.default_rng(0)
n = 1000
months = draw.integers(1, 72, n).astype(float)
contract = draw.choice(["monthly", "one year", "two years"], n, p=[0.5, 0.3, 0.2])
fee = np.round(draw.normal(60, 20, n), 2)
joined = np.datetime64("2019-01-01") + draw.integers(0, 2000, n)
risk = 1.2 * (contract == "monthly") - months / 30 + (fee - 60) / 25 + draw.normal(0, 0.5, n)
left = np.where(risk > 0.3, "left", "stayed")
months[draw.random(n) < 0.05] = np.nan  # not known of some

rows = {"months": months, "contract": contract.tolist(), "fee": fee, "joined": joined}
train, test = np.arange(n) < 800, np.arange(n) >= 800


def some(chosen):
    return {name: np.asarray(column)[chosen] for name, column in rows.items()}


model = TabularClassifier("td-s", epochs=64, random_state=0).fit(some(train), left[train])
print(f"accuracy {model.score(some(test), left[test]):.3f} on {test.sum()} rows")
print(f"epochs {len(model.reports_[0].scores)}, kept {model.reports_[0].best_epoch + 1}")

model.save("customers.safetensors")
again = fastnn.load("customers.safetensors")
new = {"contract": ["monthly", "two years"], "fee": [95.0, 40.0], "months": [2, None],
       "joined": ["2023-05-01", "2020-02-29"]}  # fmt: skip
print("labels", again.predict(new).tolist())
print("p(left)", again.predict_proba(new)[:, 0].round(2).tolist())
