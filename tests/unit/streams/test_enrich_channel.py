"""Every rule, its neighbours, and what outranks what; the definition is in SEMANTICS and in `channel.py`."""

import pytest

from streams.enrich.channel import RULES, Channel, Channels, Signs, campaign, channel, decide, traffic
from streams.enrich.referrer import referrer
from tests.unit.streams.clicks import click, columns


def signs(case: str) -> Signs:
    """`source/medium/campaign referrer +click_id ch=… qr` as signs; parts may be left out."""
    fields: dict[str, object] = {}
    for part in case.split():
        if part.startswith("+"):
            fields["ad_click"] = part[1:]
        elif part.startswith("ch="):
            fields["asked"] = part[3:].replace("_", " ")
        elif part == "qr":
            fields["qr"] = True
        elif "://" in part:
            fields["referrer_source"] = referrer(part).referrer_source
            fields["referred"] = True
        else:
            source, medium, name = (part.replace("_", " ") + "//").split("/")[:3]
            fields |= {"utm_source": source, "utm_medium": medium, "campaign": campaign(name)}
    return Signs(**fields)  # type: ignore[arg-type]  # the fields are built by name above


CASES = [
    # what the link itself says
    ("ch=Email", "Email"),
    ("ch=paid_SOCIAL google/cpc", "Paid Social"),
    ("ch=qr", "QR"),
    ("ch=ai_assistants", "AI Assistants"),
    ("ch=cross-network", "Cross-network"),
    ("ch=Smoke_Signal google/cpc", "Paid Search"),
    ("ch=email qr", "Email"),
    ("qr", "QR"),
    ("qr google/cpc +gclid", "QR"),
    ("ch=nonsense qr", "QR"),
    # Cross-network
    ("google/cpc/x-cross-network-1", "Cross-network"),
    ("//cross-network", "Cross-network"),
    ("google/cpc/crossnetwork", "Paid Search"),
    # Paid Shopping
    ("amazon/cpc", "Paid Shopping"),
    ("google/cpc/shopping-de", "Paid Shopping"),
    ("google/cpc/eshop", "Paid Shopping"),
    ("google/cpc/shop", "Paid Shopping"),
    ("google/cpc/spring-shop", "Paid Shopping"),
    ("google/cpc/workshop", "Paid Search"),
    ("google/cpc/bishop", "Paid Search"),
    ("x.example/ppc/shop", "Paid Shopping"),
    ("//shopping +gclid", "Paid Shopping"),
    # Paid Search
    ("google/cpc", "Paid Search"),
    ("bing/ppc", "Paid Search"),
    ("duckduckgo.com/paid", "Paid Search"),
    ("yandex/retargeting", "Paid Search"),
    ("google/cpm", "Paid Search"),
    ("google/paid_search", "Paid Search"),
    ("+gclid", "Paid Search"),
    ("+wbraid", "Paid Search"),
    ("+gad_source", "Paid Search"),
    ("+msclkid", "Paid Search"),
    ("+yclid", "Paid Search"),
    ("+gclid https://www.example.com/", "Paid Search"),
    ("newsletter/email +gclid", "Paid Search"),
    ("/cpc https://www.google.com/", "Paid Search"),
    # Paid Social
    ("facebook/cpc", "Paid Social"),
    ("facebook/paid_social", "Paid Social"),
    ("fb/paid", "Paid Social"),
    ("linkedin/cpc", "Paid Social"),
    ("+ttclid", "Paid Social"),
    ("+twclid", "Paid Social"),
    ("+li_fat_id", "Paid Social"),
    ("+rdt_cid", "Paid Social"),
    ("+epik", "Paid Social"),
    ("+sccid", "Paid Social"),
    ("facebook/cpc +fbclid", "Paid Social"),
    # Paid Video
    ("youtube/cpc", "Paid Video"),
    ("vimeo/paid", "Paid Video"),
    ("youtube/cpv", "Paid Video"),
    # Display
    ("example/display", "Display"),
    ("example/banner", "Display"),
    ("example/expandable", "Display"),
    ("example/interstitial", "Display"),
    ("example/cpm", "Display"),
    ("+dclid", "Display"),
    ("google/display", "Display"),
    # Paid Other
    ("example/cpc", "Paid Other"),
    ("example/paid_something", "Paid Other"),
    ("/ppc", "Paid Other"),
    ("chatgpt/cpc", "Paid Other"),
    ("newsletter/cpc", "Paid Other"),
    ("example/cpa", "Paid Other"),
    ("example/prepaid", "Referral"),
    # Organic Shopping
    ("amazon", "Organic Shopping"),
    ("https://www.amazon.de/", "Organic Shopping"),
    ("example/link/shop", "Organic Shopping"),
    ("facebook/social/shopping", "Organic Shopping"),
    # Organic Social
    ("facebook", "Organic Social"),
    ("https://l.instagram.com/", "Organic Social"),
    ("android-app://com.twitter.android", "Organic Social"),
    ("example/social", "Organic Social"),
    ("example/social-media", "Organic Social"),
    ("example/sm", "Organic Social"),
    ("+fbclid", "Organic Social"),
    ("+igshid https://www.google.com/", "Organic Social"),
    ("facebook/email", "Organic Social"),
    # Organic Video
    ("youtube", "Organic Video"),
    ("https://youtu.be/", "Organic Video"),
    ("example/video", "Organic Video"),
    ("example/in-video-link", "Organic Video"),
    # AI Assistants
    ("chatgpt.com", "AI Assistants"),
    ("https://chatgpt.com/", "AI Assistants"),
    ("https://www.perplexity.ai/", "AI Assistants"),
    ("https://gemini.google.com/", "AI Assistants"),
    ("https://copilot.microsoft.com/", "AI Assistants"),
    ("chatgpt/organic", "AI Assistants"),
    # Organic Search
    ("google", "Organic Search"),
    ("https://www.google.fr/", "Organic Search"),
    ("https://duckduckgo.com/", "Organic Search"),
    ("example/organic", "Organic Search"),
    ("google/organic", "Organic Search"),
    ("/unheard https://www.google.com/", "Organic Search"),
    ("//spring https://www.google.com/", "Organic Search"),
    # Email
    ("email", "Email"),
    ("e-mail", "Email"),
    ("newsletter", "Email"),
    ("example/email", "Email"),
    ("example/e_mail", "Email"),
    ("example/newsletter", "Email"),
    ("https://mail.google.com/", "Email"),
    ("android-app://com.google.android.gm/", "Email"),
    ("https://outlook.live.com/", "Email"),
    ("+mc_cid", "Email"),
    ("+_kx", "Email"),
    ("newsletter/email +fbclid", "Email"),
    ("/email https://www.google.com/", "Email"),
    ("email/affiliate", "Email"),
    # Affiliates, Audio, SMS
    ("partner/affiliate", "Affiliates"),
    ("+irclid", "Affiliates"),
    ("spotify/audio", "Audio"),
    ("sms", "SMS"),
    ("example/sms", "SMS"),
    ("sms/mobile", "SMS"),
    # Mobile Push
    ("example/push", "Mobile Push"),
    ("example/webpush", "Mobile Push"),
    ("example/mobile-app", "Mobile Push"),
    ("example/notifications", "Mobile Push"),
    ("firebase", "Mobile Push"),
    ("example/pushed", "Referral"),
    # Referral
    ("example", "Referral"),
    ("example/referral", "Referral"),
    ("/referral", "Referral"),
    ("/app", "Referral"),
    ("/link", "Referral"),
    ("https://blog.example.org/post", "Referral"),
    ("/referral https://www.google.com/", "Referral"),
    ("example/flyer https://www.google.com/", "Referral"),
    # Direct
    ("", "Direct"),
    ("(direct)/(none)", "Direct"),
    ("//spring", "Direct"),
    ("/flyer", "Direct"),
]


@pytest.mark.parametrize(("case", "expected"), CASES)
def test_channel(case: str, expected: str) -> None:
    assert channel(signs(case)) == expected


def test_every_channel_has_a_case() -> None:
    assert {expected for _, expected in CASES} == {name.value for name in Channel}


def test_every_rule_decides_a_case() -> None:
    decided = {decide(traffic(signs(case))) for case, _ in CASES}
    assert decided == {name for name, _ in RULES}
    assert [name for name, _ in RULES] == [name for name in Channel if name is not Channel.QR]


def test_there_are_twenty() -> None:
    assert len(Channel) == 20


def test_a_batch() -> None:
    found = {
        "utm_source": ["google", "", ""],
        "utm_medium": ["cpc", "", ""],
        "utm_campaign": ["spring shop", "", ""],
        "ad_click": ["", "gclid", ""],
        "referrer_source": ["", "", ""],
        "referrer_host": ["", "", "blog.example.org"],
    }
    made = Channels()({**columns(click(), click(), click()), **found})
    assert made == {"channel": ["Paid Shopping", "Paid Search", "Referral"]}
    made = Channels()({**columns(click(channel="SMS"), click(qr=True), click()), **found})
    assert made == {"channel": ["SMS", "QR", "Referral"]}
