from datetime import date

import pytest

from units import identity_numbers as numbers

TODAY = date(2026, 7, 1)


class TestSouthAfrican:
    @pytest.mark.parametrize(
        "number",
        [
            pytest.param("8001015009087", id="born on 1 January 1980"),
            # The examples of python-stdnum, which has the rule from elsewhere.
            pytest.param("7503305044089", id="born on 30 March 1975"),
            pytest.param("0002290000088", id="born on 29 February 2000, for 1900 had none"),
            pytest.param("8001015009186", id="a permanent resident"),
        ],
    )
    def test_is_taken(self, number):
        numbers.check_south_african(number, today=TODAY)

    @pytest.mark.parametrize(
        ("number", "code"),
        [
            pytest.param("800101500908", "digits", id="a digit short"),
            pytest.param("80010150090877", "digits", id="a digit too many"),
            pytest.param("800101500908X", "digits", id="a letter"),
            pytest.param("٨٠٠١٠١٥٠٠٩٠٨٧", "digits", id="digits of another script"),
            pytest.param("8013015009082", "birth_date", id="a thirteenth month"),
            pytest.param("0102290000086", "birth_date", id="29 February of a year without one"),
            pytest.param("8001015009384", "citizenship", id="a citizenship that is none"),
            pytest.param("8001015009088", "check_digit", id="another check digit"),
            pytest.param("8503305044089", "check_digit", id="another year"),
            pytest.param("8001010509087", "check_digit", id="two digits changed places"),
        ],
    )
    def test_is_refused(self, number, code):
        with pytest.raises(numbers.BadNumber) as raised:
            numbers.check_south_african(number, today=TODAY)

        assert raised.value.code == code
        assert number not in str(raised.value)

    def test_each_wrong_digit_is_noticed(self):
        right = "8001015009087"
        for place in range(6, 13):
            for digit in set("0123456789") - {right[place]}:
                slip = right[:place] + digit + right[place + 1 :]
                with pytest.raises(numbers.BadNumber):
                    numbers.check_south_african(slip, today=TODAY)

    def test_nobody_is_born_tomorrow(self):
        # 1900 is out of the question for the 29th of February: what is left is not yet.
        with pytest.raises(numbers.BadNumber) as raised:
            numbers.check_south_african("0002290000088", today=date(2000, 2, 28))

        assert raised.value.code == "birth_date"


class TestPassport:
    def test_is_taken(self):
        numbers.check_passport("A12345678")

    @pytest.mark.parametrize("number", ["", "A123", "A" * 21, "A12345/78"])
    def test_is_refused(self, number):
        with pytest.raises(numbers.BadNumber):
            numbers.check_passport(number)


def test_what_people_put_between_is_left_out():
    assert numbers.plain("800101 5009 08-7 ") == "8001015009087"


def test_the_ending_alone_is_shown():
    ending = numbers.ending("8001015009087")

    assert numbers.masked(13, ending) == "**********087"


def test_countries_are_known_by_their_code():
    assert numbers.countries()["ZW"] == "Zimbabwe"
    assert numbers.SOUTH_AFRICA in numbers.countries()
