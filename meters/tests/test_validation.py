import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meters.vee.estimation import spread
from meters.vee.rules import Rule
from meters.vee.validation import (
    BROKEN,
    INTERVAL,
    NEVER_A_BASE,
    NOBODY,
    Series,
    judge,
    own_rules,
)

MOST, SPAN, ROLLOVER = 100, 100_000, 90


def series(*rows, span=SPAN, register=None):
    """Rows are (quarter, value) or (quarter, value, own rules)."""
    full = [(*row, 0)[:3] for row in rows]
    count = len(full)
    return Series(
        register=np.array(register or [0] * count, np.int64),
        taken_at=np.array([row[0] for row in full], np.int64) * INTERVAL,
        value=np.array([row[1] for row in full], np.int64),
        rules=np.array([int(row[2]) for row in full], np.int64),
        span=np.full(count, span, np.int64),
        rollover=np.full(count, span * ROLLOVER // 100, np.int64),
        maximum=np.full(count, MOST, np.int64),
    )


def judged(*rows, **more):
    found = judge(series(*rows, **more))
    return [
        (Rule(int(rule)), bool(valid), int(quantity))
        for rule, valid, quantity in zip(found.rules, found.is_valid, found.quantity, strict=True)
    ]


class TestJudge:
    def test_a_first_reading_has_nothing_before_it(self):
        assert judged((0, 500)) == [(Rule(0), True, NOBODY)]

    def test_tells_what_was_used(self):
        assert judged((0, 500), (1, 560), (2, 560))[1:] == [(Rule(0), True, 60), (Rule(0), True, 0)]

    def test_the_maximum_is_allowed_and_no_more(self):
        assert judged((0, 0), (1, 100))[1] == (Rule(0), True, 100)
        assert judged((0, 0), (1, 101))[1] == (Rule.PHYSICAL_MAXIMUM, False, NOBODY)

    def test_the_maximum_grows_with_the_gap(self):
        assert judged((0, 0), (3, 300))[1] == (Rule.GAP, True, 300)
        assert judged((0, 0), (3, 301))[1] == (Rule.PHYSICAL_MAXIMUM, False, NOBODY)

    def test_an_invalid_reading_is_no_base(self):
        assert judged((0, 0), (1, 5000), (2, 80)) == [
            (Rule(0), True, NOBODY),
            (Rule.PHYSICAL_MAXIMUM, False, NOBODY),
            (Rule.GAP, True, 80),
        ]

    def test_a_register_that_went_back_stays_invalid_until_it_is_past_its_old_value(self):
        found = judged((0, 500), (1, 10), (2, 20), (3, 510), (4, 520))

        assert [valid for _, valid, _ in found] == [True, False, False, True, True]
        assert found[1][0] == Rule.NEGATIVE_STEP
        assert found[3] == (Rule.GAP, True, 10)

    def test_rolls_over_from_near_the_end_of_the_span(self):
        assert judged((0, SPAN - 30), (1, 20))[1] == (Rule.ROLLOVER, True, 50)

    @pytest.mark.parametrize(
        "last",
        [
            pytest.param(SPAN * 9 // 10, id="not above 90 percent"),
            pytest.param(SPAN * 9 // 10 + 1, id="but the step is not possible"),
        ],
    )
    def test_otherwise_it_was_reset(self, last):
        assert judged((0, last), (1, 20))[1] == (Rule.NEGATIVE_STEP, False, NOBODY)

    def test_no_register_shows_its_span(self):
        assert judged((0, SPAN), (1, 20)) == [
            (Rule.PHYSICAL_MAXIMUM, False, NOBODY),
            (Rule(0), True, NOBODY),
        ]

    def test_counts_anew_from_an_opening(self):
        found = judged((0, 500), (1, 3, Rule.OPENING), (2, 13))

        assert found[1] == (Rule.OPENING | Rule.NEGATIVE_STEP, True, NOBODY)
        assert found[2] == (Rule(0), True, 10)

    def test_an_opening_that_fits_is_an_ordinary_reading(self):
        assert judged((0, 500), (1, 510, Rule.OPENING))[1] == (Rule.OPENING, True, 10)

    @pytest.mark.parametrize("rule", [Rule.STATUS_INVALID, Rule.IN_THE_FUTURE])
    def test_leaves_out_what_is_invalid_by_itself(self, rule):
        assert judged((0, 0), (1, 10, rule), (2, 30)) == [
            (Rule(0), True, NOBODY),
            (rule, False, NOBODY),
            (Rule.GAP, True, 30),
        ]

    def test_leaves_out_what_is_between_the_quarters(self):
        found = judged((0, 0), (1, 10, Rule.UNALIGNED), (2, 30))

        assert found[1] == (Rule.UNALIGNED, True, NOBODY)
        assert found[2][2] == 30

    def test_a_suspect_reading_counts(self):
        assert judged((0, 0), (1, 10, Rule.STATUS_SUSPECT))[1][1:] == (True, 10)

    def test_registers_do_not_mix(self):
        found = judged((0, 500), (1, 510), (0, 90), (1, 70), register=[0, 0, 7, 7])

        assert [quantity for _, _, quantity in found] == [NOBODY, 10, NOBODY, NOBODY]

    def test_nothing_is_judged_to_be_nothing(self):
        assert judged() == []


def one_by_one(rows):
    """The same rules, reading after reading, in plain Python."""
    last, found = None, []
    for quarter, value, own in rows:
        if own & NEVER_A_BASE or value >= SPAN:
            found.append((own == Rule.UNALIGNED and value < SPAN, NOBODY))
            continue
        if last is None:
            last = (quarter, value)
            found.append((True, NOBODY))
            continue
        step, most = value - last[1], MOST * (quarter - last[0])
        if step < 0 and last[1] * 100 > SPAN * ROLLOVER:
            step += SPAN
        fits = 0 <= step <= most
        valid = fits or bool(own & Rule.OPENING)
        found.append((valid, step if fits else NOBODY))
        if valid:
            last = (quarter, value)
    return found


class TestJudgeAgainstTheRulesInPlainPython:
    @settings(max_examples=500, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(1, 4),
                st.one_of(st.integers(0, 400), st.integers(SPAN - 300, SPAN)),
                st.sampled_from([0, 0, 0, 0, 16, 32, 64, 128, 256]),
            ),
            max_size=40,
        )
    )
    def test_finds_the_same(self, steps):
        quarter, rows = 0, []
        for wait, value, own in steps:
            quarter += wait
            rows.append((quarter, value, own))

        found = judged(*rows)

        assert [(valid, quantity) for _, valid, quantity in found] == one_by_one(rows)
        assert all(valid or rule for rule, valid, _ in found)
        assert all(not valid or not rule & BROKEN or rule & 256 for rule, valid, _ in found)


class TestOwnRules:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (0b0000_0000, Rule(0)),
            (0b0000_0001, Rule.STATUS_INVALID),
            (0b0000_0010, Rule.STATUS_INVALID),
            (0b0000_0100, Rule.STATUS_INVALID),
            (0b0000_1000, Rule(0)),
            (0b0010_0000, Rule.STATUS_SUSPECT),
            (0b0100_0000, Rule.STATUS_SUSPECT),
            (0b1000_0000, Rule.STATUS_SUSPECT),
            (0b1000_0100, Rule.STATUS_INVALID | Rule.STATUS_SUSPECT),
        ],
    )
    def test_reads_the_status_octet(self, status, expected):
        found = own_rules(np.array([0]), np.array([status]), 0)

        assert Rule(int(found[0])) == expected

    def test_the_future_begins_after_a_minute(self):
        now = 10 * INTERVAL
        found = own_rules(np.array([now, now + 1]), np.array([0, 0]), now)

        assert [Rule(int(one)) & Rule.IN_THE_FUTURE for one in found] == [0, Rule.IN_THE_FUTURE]

    def test_tells_what_is_between_the_quarters(self):
        found = own_rules(np.array([INTERVAL, INTERVAL + 1]), np.array([0, 0]), 10 * INTERVAL)

        assert [int(one) for one in found] == [0, Rule.UNALIGNED]


class TestSpread:
    def test_gives_the_remainder_to_the_last(self):
        assert spread(np.array([11, 7]), np.array([4, 1])).tolist() == [2, 2, 2, 5, 7]

    def test_follows_weights(self):
        found = spread(np.array([100]), np.array([3]), np.array([1, 0, 2]))

        assert found.tolist() == [33, 0, 67]

    def test_is_flat_where_all_weights_are_zero(self):
        found = spread(np.array([9, 9]), np.array([3, 2]), np.array([0, 0, 0, 1, 2]))

        assert found.tolist() == [3, 3, 3, 3, 6]

    def test_nothing_is_spread_to_nothing(self):
        assert spread(np.array([], np.int64), np.array([], np.int64)).tolist() == []

    @given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 50)), min_size=1, max_size=9))
    def test_is_exact_in_total(self, gaps):
        totals, counts = (np.array(column) for column in zip(*gaps, strict=True))

        shares = spread(totals, counts)

        ends = np.cumsum(counts)
        assert np.add.reduceat(shares, ends - counts).tolist() == totals.tolist()
        assert shares.min() >= 0
