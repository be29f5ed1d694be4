"""Class of the device: what the client hints say, then rules over the user agent."""

import enum
import re
import tomllib
from pathlib import Path

import re2

RULES = Path(__file__).with_name("device.toml")


class Device(enum.StrEnum):
    """What a click was made on."""

    OTHER = "other"
    DESKTOP = "desktop"
    MOBILE = "mobile"
    TABLET = "tablet"
    TV = "tv"
    CONSOLE = "console"
    WEARABLE = "wearable"
    CAR = "car"


FORM_FACTORS = {
    "automotive": Device.CAR,
    "watch": Device.WEARABLE,
    "xr": Device.WEARABLE,  # a headset is worn
    "tablet": Device.TABLET,
    "eink": Device.TABLET,
    "mobile": Device.MOBILE,
    "desktop": Device.DESKTOP,
}
"""`Sec-CH-UA-Form-Factors` (User-Agent Client Hints), the more telling first: a device may send several."""

SPECIAL = (Device.TV, Device.CONSOLE, Device.CAR, Device.WEARABLE)
"""Classes that `Sec-CH-UA-Mobile` has no word for; a user agent that names one is believed before it."""

QUOTED = re.compile(r'"([^"]*)"|([^\s",]+)')


class Rules:
    """The patterns of a rules file, matched at once; an earlier one outranks those after it."""

    def __init__(self, path: Path = RULES) -> None:
        self._devices: list[Device] = []
        options = re2.Options()
        options.case_sensitive = False
        self._patterns = re2.Set.SearchSet(options)
        for rule in tomllib.loads(path.read_text(encoding="utf-8"))["rule"]:
            for pattern in rule["patterns"]:
                self._patterns.Add(pattern)
                self._devices.append(Device(rule["device"]))
        self._patterns.Compile()

    def __call__(self, user_agent: str) -> Device:
        """The class of the first pattern that is found; `other` where none is."""
        found = self._patterns.Match(user_agent)
        return self._devices[min(found)] if found else Device.OTHER


by_user_agent = Rules()


def unquoted(hint: str) -> str:
    """A structured-field string (`"Android"`) without its quotes."""
    return hint.strip().strip('"')


def by_form_factor(hint: str) -> Device | None:
    """The most telling form factor of a list, `"Tablet", "Mobile"` for example."""
    named = {(quoted or bare).lower() for quoted, bare in QUOTED.findall(hint)}
    return next((device for factor, device in FORM_FACTORS.items() if factor in named), None)


def by_mobile_hint(mobile: str, platform: str) -> Device | None:
    """`?1` is mobile; `?0` on Android is a tablet; `?0` elsewhere leaves it to the user agent."""
    if mobile.strip() == "?1":
        return Device.MOBILE
    if mobile.strip() == "?0" and unquoted(platform).lower() == "android":
        return Device.TABLET
    return None


def device_class(user_agent: str, *, mobile: str = "", platform: str = "", form_factors: str = "") -> Device:
    """Form factors first, then a special device that the user agent names, the mobile hint, the other rules.

    The hints as sent. Safari on iPadOS calls itself a Mac and sends no hints: it counts as a desktop.
    """
    if factor := by_form_factor(form_factors):
        return factor
    named = by_user_agent(user_agent)
    if named in SPECIAL:
        return named
    return by_mobile_hint(mobile, platform) or named
