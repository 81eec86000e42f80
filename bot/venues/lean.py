"""Importing one exchange of ccxt without the hundred others.

`import ccxt` loads every exchange: half a second and 100 MB. The packages' own `__init__` files are what does that, so
they are passed over here: stand-ins with the packages' paths take their places while one module is imported, and leave
again afterwards, so that whoever says `import ccxt` later gets the whole of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_WHOLE = "ccxt"
_PRO = "ccxt.pro"
_ASYNC = "ccxt.async_support"


def exchange_class(name: str) -> type:
    """Ccxt's asynchronous class of the exchange. Raises ImportError where ccxt, or the exchange, is missing."""
    module = f"{_ASYNC}.{name}"
    loaded = sys.modules.get(module) or _alone(module, name) or importlib.import_module(module)
    found: type = getattr(loaded, name)
    return found


def stream_class(name: str) -> type:
    """Ccxt.pro's class of the exchange: the asynchronous one with WebSockets. Raises as `exchange_class`."""
    module = f"{_PRO}.{name}"
    loaded = sys.modules.get(module) or _alone(module, name) or importlib.import_module(module)
    found: type = getattr(loaded, name)
    return found


def _alone(module: str, exchange: str) -> ModuleType | None:
    """Load `module` and what it needs. None where that does not work; then nothing has happened."""
    origin = getattr(importlib.util.find_spec(_WHOLE), "origin", None)
    if origin is None or _WHOLE in sys.modules:
        return None
    before = set(sys.modules)
    root = Path(origin).parent
    try:
        whole = sys.modules[_WHOLE] = _stand_in(_WHOLE, root)
        part_way = sys.modules[_ASYNC] = _stand_in(_ASYNC, root / "async_support")
        whole.async_support = part_way  # type: ignore[attr-defined]  # what `import ccxt.async_support` would set
        # The websocket part takes the errors and the base class from the top of the package.
        for part in ("ccxt.base.errors", "ccxt.base.exchange"):
            names = vars(importlib.import_module(part))
            vars(whole).update({key: value for key, value in names.items() if key[0].isupper()})
        if module.startswith(f"{_PRO}."):
            sys.modules[_PRO] = _stand_in(_PRO, root / "pro")
            # The class with WebSockets is derived from the one without, which it takes from the package.
            setattr(part_way, exchange, getattr(importlib.import_module(f"{_ASYNC}.{exchange}"), exchange))
        return importlib.import_module(module)
    except (ImportError, AttributeError):
        for name in set(sys.modules) - before:
            if name.startswith(f"{_WHOLE}."):
                del sys.modules[name]
        return None
    finally:
        sys.modules.pop(_PRO, None)
        sys.modules.pop(_ASYNC, None)
        sys.modules.pop(_WHOLE, None)


def _stand_in(package: str, path: Path) -> ModuleType:
    stand_in = ModuleType(package)
    stand_in.__path__ = [str(path)]
    return stand_in
