"""The plan: a seed becomes a sequence of visits, always the same one; no clock, no network, no state but the seed's."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from deploy.traffic.agents import crawlers, desktops, people
from deploy.traffic.mix import Mix, Networks, Source, Weighted, shares
from deploy.traffic.person import Crowd, Person
from deploy.traffic.request import Expected, Kind, Request, Visit

OPTED_OUT_SHARE = 0.04
"""Of people who send `Sec-GPC: 1` or `DNT: 1`."""
FORGED_SHARE = 0.02
"""Of people whose `X-Forwarded-For` arrives with an entry of their own to the left."""
PREFETCHES = (
    ("Sec-Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch;prerender"),
    ("Purpose", "prefetch"),
    ("X-Moz", "prefetch"),
)
DIRTY_QUERIES = ("utm_source=%E4%F6&utm_medium=%zz", "&&==&x=%", "utm_campaign=" + "a" * 3000, "q=%00%0d%0aX:+y")
GUESSES = (
    "wp-login.php",
    ".env",
    "admin",
    "s/eyJkIjoiZXZpbC5leGFtcGxlIn0.AAAAAAAAAAAAAAAAAAAAAA",
    "a/../b",
    "%2e%2e/etc/passwd",
    "spring%00",
)
REFUSALS = (("POST", "/spring"), ("PUT", "/spring"), ("DELETE", "/spring"), ("GET", "/spring?x=\xff\xfe"))
HOUR = 3600


class Planner:
    """Makes visits; each of its methods that `mix.yml` names is a kind of visit."""

    def __init__(self, mix: Mix, networks: Networks, *, seed: int, now: int) -> None:
        """`now` is the Unix second from which mails count back when they were sent."""
        self._mix = mix
        self._rng = random.Random(seed)  # noqa: S311  # it must be the same again, not secret
        self._now = now
        self._sources: Weighted[Source] = shares(mix.sources)
        self._people = Crowd(networks.people, self._rng)
        self._crawlers = Crowd(networks.crawlers, self._rng)
        self._scanners = Crowd(networks.scanners, self._rng)
        self._visits = Weighted([self._maker(name) for name in mix.visits], list(mix.visits.values()))
        self._places = Weighted(range(1, len(mix.mail) + 1), [1 / place for place in range(1, len(mix.mail) + 1)])

    def visits(self, clicks: int) -> Iterator[Visit]:
        """Visits until exactly `clicks` of their requests leave a row."""
        left = clicks
        while left:
            visit = self._visits.draw(self._rng)()
            if sum(request.row for request in visit) > left:
                visit = self.person()
            left -= sum(request.row for request in visit)
            yield visit

    def person(self) -> Visit:
        """A person follows a link."""
        return (self._click(self._person()),)

    def double_click(self) -> Visit:
        """A person follows a link, and does so again at once, once or twice."""
        click = self._click(replace(self._person(), opted_out=False))  # who objects has no id to be known again by
        again = replace(click, kind=Kind.REPEAT)
        return (click, *[again] * self._rng.choice((1, 1, 2)))

    def preview(self) -> Visit:
        """A program looks ahead; half the time its person follows."""
        click = self._click(self._person())
        ahead = replace(click, kind=Kind.PREFETCH, headers=(*click.headers, self._rng.choice(PREFETCHES)))
        return (ahead, click) if self._rng.random() < 0.5 else (ahead,)

    def head_first(self) -> Visit:
        """Three HEADs and a GET, as one popular mail program does."""
        click = self._click(self._person())
        return (*[replace(click, kind=Kind.HEAD, method="HEAD")] * 3, click)

    def crawler(self) -> Visit:
        """A crawler, or now and then a script that gives no user agent."""
        network, address = self._crawlers.draw()
        agent = self._rng.choice(crawlers()) if self._rng.random() < 0.9 else ""
        slug = self._rng.choice(self._mix.mail)
        headers = (*((("User-Agent", agent),) if agent else ()), ("X-Forwarded-For", address))
        return (Request(Kind.BOT, f"/{slug}", headers, Expected(slug, country=network.country)),)

    def scanner(self) -> Visit:
        """A mail gateway opens several links of a mail, the hidden one among them, before it is delivered."""
        network, address = self._scanners.draw()
        gateway = Person(desktops().draw(self._rng), network, address)
        mail = next(source for source in self._mix.sources if source.mail)
        own = self._mail_parameters(sent=self._now - self._rng.randrange(20, 60))
        slugs = self._rng.sample(self._mix.mail, self._rng.randrange(3, 8))
        if self._rng.random() < 0.5:
            slugs.append(self._mix.trap)
        query = self._rng.choice(mail.queries)
        return tuple(
            Request(
                Kind.SCANNER,
                f"/{slug}?{query}&{own}",
                gateway.headers(),
                Expected(slug, mail.name, mail.channel, network.country),
            )
            for slug in slugs
        )

    def orphan(self) -> Visit:
        """A slug that was mistyped, or guessed."""
        mistyped = self._rng.choice(self._mix.mail) + self._rng.choice("xyz123")
        slug = mistyped if self._rng.random() < 0.6 else self._rng.choice(GUESSES)
        person = self._person()
        return (Request(Kind.ORPHAN, f"/{slug}", person.headers(), Expected(country=person.network.country)),)

    def expired(self) -> Visit:
        """A link that is over."""
        return (self._dead_link(Kind.EXPIRED, self._mix.expired),)

    def disabled(self) -> Visit:
        """A link that is switched off."""
        return (self._dead_link(Kind.DISABLED, self._mix.disabled),)

    def dirty(self) -> Visit:
        """A click with broken bytes where visitors can put them."""
        click = self._click(self._person())
        path = click.target.partition("?")[0]
        spoiled = {
            "Referer": "http://[broken\xff/\xe4",
            "User-Agent": dict(click.headers)["User-Agent"] + " \xc3\x28\xfe",
        }
        headers = tuple((name, value) for name, value in click.headers if name not in spoiled)
        return (
            replace(
                click,
                kind=Kind.DIRTY,
                target=f"{path}?{self._rng.choice(DIRTY_QUERIES)}",
                headers=(*headers, *spoiled.items()),
                expected=Expected(
                    click.expected.link, country=click.expected.country, opted_out=click.expected.opted_out
                ),
            ),
        )

    def refused(self) -> Visit:
        """A request that is no click: another method, or bytes that no address has."""
        method, target = self._rng.choice(REFUSALS)
        return (Request(Kind.REFUSED, target, self._person().headers(), method=method),)

    def _maker(self, name: str) -> Callable[[], Visit]:
        maker: Callable[[], Visit] = getattr(self, name)
        return maker

    def _person(self) -> Person:
        network, address = self._people.draw()
        return Person(people().draw(self._rng), network, address, opted_out=self._rng.random() < OPTED_OUT_SHARE)

    def _dead_link(self, kind: Kind, slug: str) -> Request:
        person = self._person()
        return Request(kind, f"/{slug}", person.headers(), Expected(slug, country=person.network.country))

    def _click(self, person: Person) -> Request:
        """A click of this person from some source."""
        source = self._sources.draw(self._rng)
        referrer, query = self._rng.choice(source.referrers), self._rng.choice(source.queries)
        expected = Expected(
            source=source.name,
            channel=source.channel,
            country=person.network.country,
            device=person.agent.device,
            opted_out=person.opted_out,
        )
        if source.mail:
            expected, own = self._from_mail(expected)
            query = f"{query}&{own}"
        else:
            expected = self._from_page(expected, source)
        forged = "10.0.0.7" if self._rng.random() < FORGED_SHARE else ""
        referring = (("Referer", referrer),) if referrer else ()
        target = f"/{expected.link}?{query}" if query else f"/{expected.link}"
        return Request(Kind.HUMAN, target, (*person.headers(forged), *referring), expected)

    def _from_mail(self, expected: Expected) -> tuple[Expected, str]:
        """The expectation with the link's place in the mail, and the parameters that say it."""
        place, of = self._places.draw(self._rng), len(self._mix.mail)
        slot = "hero" if place == 1 else "footer" if place > of - 2 else "body"
        own = self._mail_parameters(sent=self._now - self._rng.randrange(HOUR // 2, 24 * HOUR))
        placed = replace(expected, link=self._mix.mail[place - 1], position=place, position_of=of, slot=slot)
        return placed, f"w_pos={place}&w_of={of}&w_slot={slot}&{own}"

    def _from_page(self, expected: Expected, source: Source) -> Expected:
        """The expectation with a link of the source's, whose own fields may say where it stands."""
        slug = self._rng.choice(source.links)
        fields = self._mix.links[slug]
        return replace(
            expected,
            link=slug,
            position=fields.get("position", 0),
            position_of=fields.get("position_of", 0),
            slot=fields.get("slot", ""),
        )

    def _mail_parameters(self, *, sent: int) -> str:
        """A mail to a recipient of its own, so that no two visits are taken for one."""
        return f"w_msg=spring-2026&w_rcpt=r{self._rng.getrandbits(64):016x}&w_sent={sent}"
