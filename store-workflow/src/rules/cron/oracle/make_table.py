"""Writes table.csv: when cron schedules fire, worked out without the code under test.

Walks every UTC minute (second, for six fields), reads the clock on the wall with `zoneinfo` and
applies the rules of mod.rs. `croniter` is asked the same; the last column says whether it agrees.

    pip install croniter tzdata
    PYTHONTZPATH= python make_table.py
"""

import calendar
import csv
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
LORD_HOWE, SAO_PAULO = "Australia/Lord_Howe", "America/Sao_Paulo"
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()

# (zone, first minute, last minute) of the window, in UTC, around each change of 2026.
SPRING_FORWARD = [
    (BERLIN, "2026-03-28T23:00Z", "2026-03-29T04:00Z"),
    (NEW_YORK, "2026-03-08T05:00Z", "2026-03-08T10:00Z"),
    (LORD_HOWE, "2026-10-03T13:30Z", "2026-10-03T18:30Z"),
]
FALL_BACK = [
    (BERLIN, "2026-10-24T22:00Z", "2026-10-25T04:00Z"),
    (NEW_YORK, "2026-11-01T04:00Z", "2026-11-01T10:00Z"),
    (LORD_HOWE, "2026-04-04T13:00Z", "2026-04-04T18:30Z"),
]
# The clocks of Sao Paulo do not change in 2026; these are the nights on which they once did.
NO_CHANGE = [
    (SAO_PAULO, "2026-02-15T00:00Z", "2026-02-15T08:00Z"),
    (SAO_PAULO, "2026-11-01T00:00Z", "2026-11-01T08:00Z"),
]
AROUND_A_CHANGE = [
    "0 * * * *",  # hourly
    "*/15 * * * *",
    "*/20 * * * *",
    "15,45 * * * *",
    "0 */2 * * *",
    "30 2,*/4 * * *",  # one element makes it hourly-like
    "30 2 * * *",  # fixed; left out in Berlin and New York
    "15 2 * * *",  # left out on Lord Howe
    "30 1 * * *",  # shown twice in New York and on Lord Howe
    "45 1 * * *",
    "15,45 2 * * *",  # two that meet after the gap
    "30 1,2 * * *",
    "0 2,3 * * *",  # after the gap both mean the same instant
    "*/30 1-3 * * *",  # a range of hours is fixed
]
ELSEWHERE = [
    ("UTC", "0 0 29 2 *", "2090-01-01T00:00Z", "2105-01-01T00:00Z"),
    (BERLIN, "30 6 29 2 *", "2023-01-01T00:00Z", "2033-01-01T00:00Z"),
    (NEW_YORK, "0 12 29 FEB *", "2023-01-01T00:00Z", "2029-01-01T00:00Z"),
    (BERLIN, "0 9 * * MON-FRI", "2026-03-26T00:00Z", "2026-04-01T00:00Z"),
    (NEW_YORK, "0 9 * * mon,wed,FRI", "2026-10-28T00:00Z", "2026-11-07T00:00Z"),
    (LORD_HOWE, "0 0 * * SUN", "2026-03-28T00:00Z", "2026-04-20T00:00Z"),
    (SAO_PAULO, "0 0 * * 7", "2026-02-01T00:00Z", "2026-03-01T00:00Z"),
    ("UTC", "0 0 * * FRI-SUN", "2026-05-01T00:00Z", "2026-05-12T00:00Z"),
    ("UTC", "0 0 13 * FRI", "2026-02-01T00:00Z", "2026-03-31T00:00Z"),
    (BERLIN, "30 2 1,15 * MON", "2026-03-01T00:00Z", "2026-04-01T00:00Z"),
    ("UTC", "0 0 */10 * MON", "2026-06-01T00:00Z", "2026-07-01T00:00Z"),
    ("UTC", "0 0 L * *", "2026-01-01T00:00Z", "2026-07-01T00:00Z"),
    ("UTC", "0 0 15W * *", "2026-01-01T00:00Z", "2026-12-31T00:00Z"),
    ("UTC", "0 0 1W * *", "2026-01-01T00:00Z", "2026-12-31T00:00Z"),
    ("UTC", "0 0 31W * *", "2026-01-01T00:00Z", "2027-01-01T00:00Z"),
    ("UTC", "0 0 * * FRI#2", "2026-01-01T00:00Z", "2026-07-01T00:00Z"),
    ("UTC", "0 0 * * SUN#5", "2026-01-01T00:00Z", "2026-12-31T00:00Z"),
    ("UTC", "0 0 * * 5L", "2026-01-01T00:00Z", "2026-07-01T00:00Z"),
    ("UTC", "0 0 * * 7L", "2026-01-01T00:00Z", "2026-07-01T00:00Z"),
    ("UTC", "0 0 L * MON#1", "2026-01-01T00:00Z", "2026-05-01T00:00Z"),
    ("UTC", "0 0 1 JAN,jul *", "2026-01-01T00:00Z", "2028-01-02T00:00Z"),
    ("UTC", "10-50/20 8 1 * *", "2026-01-01T00:00Z", "2026-03-31T00:00Z"),
    ("UTC", "5-59/25 0 1 4 *", "2026-01-01T00:00Z", "2026-12-31T00:00Z"),
    ("UTC", "30 0 12 1 1 *", "2026-01-01T11:59Z", "2026-01-01T12:02Z"),
    ("UTC", "*/20 * * * * *", "2026-01-01T00:00Z", "2026-01-01T00:02Z"),
    (BERLIN, "30 */30 * * * *", "2026-03-29T00:30Z", "2026-03-29T01:31Z"),
    (BERLIN, "15,45 59 2 * * *", "2026-10-24T23:59Z", "2026-10-25T02:00Z"),
    (BERLIN, "*/30 59 * * * *", "2026-10-24T23:59Z", "2026-10-25T02:00Z"),
    (BERLIN, "10,20 30 2 * * *", "2026-03-29T00:30Z", "2026-03-29T01:31Z"),
]


def value(text, names, base):
    return names.index(text.upper()) + base if text.upper() in names else int(text)


def values(text, low, high, names=(), base=0):
    """The set of values that a field of plain elements stands for."""
    found = set()
    for element in text.split(","):
        span, _, step = element.partition("/")
        if span == "*":
            first, last = low, high
        else:
            first, _, last = span.partition("-")
            first = value(first, names, base)
            last = value(last, names, base) if last else first
            if last < first and last == 0:  # `FRI-SUN`
                last = 7
        found.update(range(first, last + 1, int(step or 1)))
    return found


def nearest_working_day(year, month, day):
    """The day that `15W` means in one month, None where the month has no such day."""
    length = calendar.monthrange(year, month)[1]
    if day > length:
        return None
    days = [d for d in range(1, length + 1) if calendar.weekday(year, month, d) < 5]
    # The days before and after a weekend are 1 and 2 away, never equally far.
    return min(days, key=lambda d: abs(d - day))


def day_of_month_matches(text, wall):
    length = calendar.monthrange(wall.year, wall.month)[1]
    for element in text.upper().split(","):
        if element == "L":
            hit = wall.day == length
        elif element.endswith("W"):
            hit = wall.day == nearest_working_day(wall.year, wall.month, int(element[:-1]))
        else:
            hit = wall.day in values(element, 1, 31)
        if hit:
            return True
    return False


def day_of_week_matches(text, wall):
    length = calendar.monthrange(wall.year, wall.month)[1]
    today = wall.isoweekday() % 7
    for element in text.upper().split(","):
        if "#" in element:
            day, nth = element.split("#")
            hit = today == value(day, DAYS, 0) % 7 and (wall.day + 6) // 7 == int(nth)
        elif element.endswith("L"):
            hit = today == value(element[:-1], DAYS, 0) % 7 and wall.day + 7 > length
        else:
            hit = today in {day % 7 for day in values(element, 0, 7, DAYS)}
        if hit:
            return True
    return False


class Expression:
    def __init__(self, text):
        fields = text.split()
        self.by_second = len(fields) == 6
        second, minute, hour, self.day, month, self.weekday = ["0"] * (6 - len(fields)) + fields
        self.seconds, self.minutes = values(second, 0, 59), values(minute, 0, 59)
        self.hours, self.months = values(hour, 0, 23), values(month, 1, 12, MONTHS, 1)
        self.hourly = any(e == "*" or e.startswith("*/") for e in hour.split(","))

    def matches(self, wall):
        return (
            wall.minute in self.minutes
            and wall.hour in self.hours
            and wall.second in self.seconds
            and wall.month in self.months
            and self.day_matches(wall)
        )

    def day_matches(self, wall):
        given = []
        if self.day != "*":
            given.append(day_of_month_matches(self.day, wall))
        if self.weekday != "*":
            given.append(day_of_week_matches(self.weekday, wall))
        return any(given) if given else True


def occurrences(zone, text, start, until):
    """Every instant from `start` to `until`, both included, at which the schedule fires."""
    expression, zone = Expression(text), ZoneInfo(zone)
    tick = timedelta(seconds=1) if expression.by_second else timedelta(minutes=1)
    found = []
    # The latest wall time that was shown; it starts early enough to know of a repeated hour.
    at, shown = start - timedelta(hours=4), None
    while at <= until:
        wall = at.astimezone(zone).replace(tzinfo=None)
        if expression.hourly:
            fires = expression.matches(wall)
        else:
            # Every wall time that is reached at this instant, those of a gap included.
            reached = shown + tick if shown else wall
            fires = False
            while reached <= wall:
                fires = fires or expression.matches(reached)
                reached += tick
        shown = max(shown or wall, wall)
        if fires and at >= start:
            found.append(at)
        at += tick
    return found


def asked_of_croniter(zone, text, start, until):
    found = []
    # The last Friday is `L5` there.
    text = re.sub(r"(\d)L$", r"L\1", text)
    try:
        times = croniter(
            text,
            (start - timedelta(seconds=1)).astimezone(ZoneInfo(zone)),
            second_at_beginning=True,
        )
        while (at := times.get_next(datetime).astimezone(timezone.utc)) <= until:
            found.append(at)
            if len(found) > 1000:
                break
    except (ValueError, KeyError):
        return None
    return found


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def main():
    cases = [
        (zone, text, start, until)
        for zone, start, until in SPRING_FORWARD + FALL_BACK
        for text in AROUND_A_CHANGE
    ]
    cases += [(z, text, s, u) for z, s, u in NO_CHANGE for text in ("0 * * * *", "0 0 * * *")]
    cases += ELSEWHERE
    with open(Path(__file__).with_name("table.csv"), "w", newline="") as file:
        table = csv.writer(file, delimiter=";", lineterminator="\n")
        table.writerow(["zone", "expression", "from", "until", "instants", "croniter"])
        for zone, text, start, until in cases:
            found = occurrences(zone, text, instant(start), instant(until))
            other = asked_of_croniter(zone, text, instant(start), instant(until))
            verdict = "unsupported" if other is None else "agrees" if other == found else "differs"
            instants = " ".join(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in found)
            table.writerow([zone, text, start, until, instants, verdict])


if __name__ == "__main__":
    main()
