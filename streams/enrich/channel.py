"""Channel: how the visitor came, one of 20, decided once and here.

The dialect is Google Analytics' published default channel group (its help page "Default channel group", general
knowledge of 2026-11), with Weir's additions: QR, AI Assistants, click ids, and the word `newsletter` for Email. Where
Google has "Unassigned", Weir has Referral (some source is known) or Direct (none is). Change a rule, raise `DIALECT`.
"""

import enum
import re
from collections.abc import Callable
from typing import NamedTuple

from streams.enrich.click_ids import CLICK_IDS, ClickId, Means
from streams.enrich.memo import Memo
from streams.enrich.sources import SOURCES, Category
from warehouse.columns import Columns, coded, together

DIALECT = "weir-2026-11"
"""Names the rules of this file in `rules_version`."""


class Channel(enum.StrEnum):
    """The 20 channels, in the order in which they are tried; QR is set by the link alone."""

    QR = "QR"
    CROSS_NETWORK = "Cross-network"
    PAID_SHOPPING = "Paid Shopping"
    PAID_SEARCH = "Paid Search"
    PAID_SOCIAL = "Paid Social"
    PAID_VIDEO = "Paid Video"
    DISPLAY = "Display"
    PAID_OTHER = "Paid Other"
    ORGANIC_SHOPPING = "Organic Shopping"
    ORGANIC_SOCIAL = "Organic Social"
    ORGANIC_VIDEO = "Organic Video"
    AI_ASSISTANTS = "AI Assistants"
    ORGANIC_SEARCH = "Organic Search"
    EMAIL = "Email"
    AFFILIATES = "Affiliates"
    AUDIO = "Audio"
    SMS = "SMS"
    MOBILE_PUSH = "Mobile Push"
    REFERRAL = "Referral"
    DIRECT = "Direct"


BY_NAME = {channel.value.lower(): channel for channel in Channel}
PAID_MEDIUM = re.compile(r"(.*cp.*|ppc|retargeting|paid.*)")
SHOP_CAMPAIGN = re.compile(r"([^a-df-z]|^)shop|shopping")
"""`shop` as a word of its own or after an `e`: `eshop` and `spring-shop`, not `workshop`."""
DISPLAY_MEDIA = {"display", "banner", "expandable", "interstitial", "cpm"}
SOCIAL_MEDIA = {"social", "social-network", "social-media", "sm", "social network", "social media"}
EMAIL_WORDS = {"email", "e-mail", "e_mail", "e mail", "newsletter"}
REFERRAL_MEDIA = {"referral", "app", "link"}
NO_SOURCE = {"(direct)"}
NO_MEDIUM = {"", "(none)", "(not set)"}


class Campaign(NamedTuple):
    """What the name of a campaign says of its channel."""

    cross_network: bool = False
    shop: bool = False


class Traffic(NamedTuple):
    """What the rules look at; text is lower-case."""

    source: str = ""
    """`utm_source`, canonical, or the source of a click id (`traffic`); empty for a click with a referrer only."""
    medium: str = ""
    """`utm_medium`, canonical."""
    campaign: Campaign = Campaign()
    """What `utm_campaign`, canonical, says."""
    category: Category | None = None
    """Category of the source, or of the referrer where there is no source."""
    click_id: Means | None = None
    """What the click id of the query says."""
    referred: bool = False
    """There is a referrer."""


def paid(click: Traffic) -> bool:
    """A paid medium, `^(.*cp.*|ppc|retargeting|paid.*)$`, or the click id of a paid click."""
    return click.click_id is Means.PAID or PAID_MEDIUM.fullmatch(click.medium) is not None


def shopping(click: Traffic) -> bool:
    """A shopping site, or a campaign that matches `(([^a-df-z]|^)shop|shopping)`."""
    return click.category is Category.SHOPPING or click.campaign.shop


def cross_network(click: Traffic) -> bool:
    """The campaign contains `cross-network`."""
    return click.campaign.cross_network


def paid_shopping(click: Traffic) -> bool:
    """Shopping, paid."""
    return paid(click) and shopping(click)


def paid_search(click: Traffic) -> bool:
    """A search site, paid."""
    return paid(click) and click.category is Category.SEARCH


def paid_social(click: Traffic) -> bool:
    """A social site, paid."""
    return paid(click) and click.category is Category.SOCIAL


def paid_video(click: Traffic) -> bool:
    """A video site, paid."""
    return paid(click) and click.category is Category.VIDEO


def display(click: Traffic) -> bool:
    """Medium display, banner, expandable, interstitial or cpm, or `dclid`."""
    return click.medium in DISPLAY_MEDIA or click.click_id is Means.DISPLAY


def organic_social(click: Traffic) -> bool:
    """A social site or a social medium."""
    return click.category is Category.SOCIAL or click.medium in SOCIAL_MEDIA


def organic_video(click: Traffic) -> bool:
    """A video site, or a medium that contains `video`."""
    return click.category is Category.VIDEO or "video" in click.medium


def ai_assistants(click: Traffic) -> bool:
    """An AI assistant's site (Weir's addition)."""
    return click.category is Category.AI


def organic_search(click: Traffic) -> bool:
    """A search site, or medium `organic`."""
    return click.category is Category.SEARCH or click.medium == "organic"


def email(click: Traffic) -> bool:
    """Source or medium email, e-mail, e_mail, `e mail` or newsletter; a mail site; a mail platform's click id."""
    named = click.source in EMAIL_WORDS or click.medium in EMAIL_WORDS
    return named or click.category is Category.MAIL or click.click_id is Means.EMAIL


def affiliates(click: Traffic) -> bool:
    """Medium `affiliate`, or an affiliate network's click id."""
    return click.medium == "affiliate" or click.click_id is Means.AFFILIATES


def audio(click: Traffic) -> bool:
    """Medium `audio`."""
    return click.medium == "audio"


def sms(click: Traffic) -> bool:
    """Source or medium `sms`."""
    return "sms" in (click.source, click.medium)


def mobile_push(click: Traffic) -> bool:
    """A medium that ends in `push` or contains `mobile` or `notification`, or source `firebase`."""
    medium = click.medium
    named = medium.endswith("push") or "mobile" in medium or "notification" in medium
    return named or click.source == "firebase"


def referral(click: Traffic) -> bool:
    """Any other known source, or medium referral, app or link."""
    return click.source != "" or click.referred or click.medium in REFERRAL_MEDIA


def direct(click: Traffic) -> bool:  # noqa: ARG001 - the last rule takes what is left
    """Nothing is known."""
    return True


Rule = tuple[Channel, Callable[[Traffic], bool]]

RULES: tuple[Rule, ...] = (
    (Channel.CROSS_NETWORK, cross_network),
    (Channel.PAID_SHOPPING, paid_shopping),
    (Channel.PAID_SEARCH, paid_search),
    (Channel.PAID_SOCIAL, paid_social),
    (Channel.PAID_VIDEO, paid_video),
    (Channel.DISPLAY, display),  # before Paid Other, whose pattern takes `cpm` as well
    (Channel.PAID_OTHER, paid),
    (Channel.ORGANIC_SHOPPING, shopping),
    (Channel.ORGANIC_SOCIAL, organic_social),
    (Channel.ORGANIC_VIDEO, organic_video),
    (Channel.AI_ASSISTANTS, ai_assistants),  # before search: assistants live on search engines' domains
    (Channel.ORGANIC_SEARCH, organic_search),
    (Channel.EMAIL, email),
    (Channel.AFFILIATES, affiliates),
    (Channel.AUDIO, audio),
    (Channel.SMS, sms),
    (Channel.MOBILE_PUSH, mobile_push),
    (Channel.REFERRAL, referral),
    (Channel.DIRECT, direct),
)
"""First match wins."""


class Signs(NamedTuple):
    """What one click says of its channel."""

    utm_source: str = ""
    """Canonical, as `utm_medium`."""
    utm_medium: str = ""
    campaign: Campaign = Campaign()
    ad_click: str = ""
    """Name of the click id in the query."""
    referrer_source: str = ""
    """Name of the known site that the referrer is."""
    referred: bool = False
    """There is a referrer, known or not."""
    asked: str = ""
    """`w_ch` as sent."""
    qr: bool = False
    """`w_qr`."""


def campaign(name: str) -> Campaign:
    """What a canonical `utm_campaign` says."""
    return Campaign("cross-network" in name, SHOP_CAMPAIGN.search(name) is not None)


def decide(click: Traffic) -> Channel:
    """The channel of the first rule that applies."""
    return next(name for name, applies in RULES if applies(click))


def traffic(signs: Signs) -> Traffic:
    """Which source counts: that of a paid click's id, else `utm_source`, else the click id's, else the referrer's.

    A paid click id outranks `utm_source`, as auto-tagging does at Google; one that proves no payment (`fbclid`) only
    fills a gap, since it is added to every link that is shared there. A medium that names a channel by itself
    (`email`) is believed before the referrer; a paid one is completed by it.
    """
    source = "" if signs.utm_source in NO_SOURCE else signs.utm_source
    medium = "" if signs.utm_medium in NO_MEDIUM else signs.utm_medium
    known = _telling(CLICK_IDS.get(signs.ad_click), tagged=bool(source or medium))
    if known and (known.means is Means.PAID or not source):
        source = known.source
    named = Traffic(medium=medium)
    referrer = signs.referrer_source if paid(named) or decide(named) is Channel.DIRECT else ""
    site = SOURCES.of_utm(source or referrer.lower())
    means = known.means if known else None
    return Traffic(source, medium, signs.campaign, site.category if site else None, means, signs.referred)


def _telling(known: ClickId | None, *, tagged: bool) -> ClickId | None:
    """The click id, unless it proves little and the link itself says where it stands."""
    return None if known and known.means is Means.SOCIAL and tagged else known


def channel(signs: Signs) -> str:
    """The channel of one click: `w_ch` where it names one of the 20, else QR for a scan, else the first rule."""
    if asked := BY_NAME.get(signs.asked.strip().lower()):
        return asked.value
    if signs.qr:
        return Channel.QR.value
    return decide(traffic(signs)).value


class Channels:
    """`channel` from the columns of UTM, click ids and referrer, which stand before it."""

    columns: tuple[str, ...] = ("channel",)

    def __init__(self, cache_size: int = 50_000) -> None:
        self.cache: Memo[Key, str] = Memo(_channel_of, cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The channel of every click."""
        return {"channel": self.cache.of(together(*(coded(columns[name]) for name in READ)))}


READ = (
    *("utm_source", "utm_medium", "utm_campaign", "ad_click"),
    *("referrer_source", "referrer_host"),
    *("asked_channel", "qr"),
)
Key = tuple[str, str, str, str, str, str, str, bool]
"""The columns of `READ`."""


def _channel_of(key: Key) -> str:
    source, medium, name, ad_click, referrer_source, referrer_host, asked, qr = key
    return channel(Signs(source, medium, campaign(name), ad_click, referrer_source, bool(referrer_host), asked, qr))
