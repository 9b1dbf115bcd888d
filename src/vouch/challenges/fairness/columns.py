"""Columns that tell of people, by their names and values: those that were not named as sensitive are suggested."""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from vouch.challenges.judging import judge
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.wording import clean, count, listed

UNNAMED = Threshold(
    "not_named_share", warn=0.0, fail=1.01,
    why="whom a network may hurt is only measured by columns that are named; to leave one out is no failing",
)  # fmt: skip
_MOST_VALUES = 200
# Words of a name in English, French, German, Spanish, Italian, Portuguese and Dutch, without accents.
_WORDS = {
    "sex or gender": "sex gender male female sexe geschlecht sexo genero sesso genere geslacht",
    "race or ethnicity": (
        "race ethnicity ethnic hispanic latino latina caste skin_color skin_colour skin_tone ethnie ethnicite rasse "
        "ethnizitat raza etnia razza raca etniciteit"
    ),
    "age": (
        "age alter edad idade leeftijd senior elderly birthdate birthday birthyear dob date_of_birth birth_date "
        "year_of_birth birth_year geburtsdatum geburtsjahr naissance nacimiento nascita nascimento geboortedatum"
    ),
    "religion or belief": (
        "religion religious faith creed konfession religione religiao religie godsdienst political_affiliation"
    ),
    "nationality or origin": (
        "nationality citizenship immigrant migrant foreigner native_country country_of_birth birth_country "
        "country_of_origin mother_tongue native_language nationalite nationalitat staatsangehorigkeit herkunft "
        "nacionalidad nazionalita nacionalidade nationaliteit"
    ),
    "disability": (
        "disability disabilities disabled handicap handicapped behinderung discapacidad disabilita deficiencia "
        "invalidite"
    ),
    "family": (
        "marital marital_status married marriage spouse partner dependents children relationship pregnant pregnancy "
        "pregnancies maternity civil_status family_status familienstand etat_civil situation_familiale "
        "estado_civil stato_civile burgerlijke_staat schwanger schwangerschaft enceinte grossesse embarazo gravidanza "
        "gravidez zwanger"
    ),
    "sexual orientation": "sexual_orientation sexual_preference gay lesbian lgbt lgbtq",
}
_PHRASES = [(phrase.split("_"), what) for what, words in _WORDS.items() for phrase in words.split()]
# Things have an age as well: the word counts alone, or beside these.
_BESIDE_AGE = (
    "age alter group range band bracket bin category class code years year yrs in at of the customer client patient "
    "applicant person driver user employee respondent head member student worker owner buyer min max num x y"
)
_AGES = {"age", "alter"}
_PAIRS = (
    "male female", "m f", "man woman", "men women", "mannlich weiblich", "mann frau", "homme femme", "masculin feminin",
    "hombre mujer", "masculino femenino", "uomo donna", "maschio femmina", "homem mulher", "masculino feminino",
    "man vrouw", "boy girl",
)  # fmt: skip


def sensitive_columns(case: Case) -> Check:
    """Which columns look as if they told of people and were not named as sensitive?

    By the words of their names (sex, race, age, religion, nationality, disability, family and others, in seven
    languages), and by values such as "male" and "female". A column is only suggested: whether it matters is for the
    user to say, and what has another name is not seen.

    Promises to find: a column that is called by a common word for one of these, alone or among other words, and one
    whose values are "male" and "female", or "m" and "f".
    """
    name, frame = "sensitive_columns", case.raw.frame
    target = case.bundle.schema.target.name
    looked = [column for column in frame.columns if column not in (target, case.raw.part)]
    told = {column: what for column in looked if (what := tells(frame[column]))}
    missed = [column for column in told if column not in case.bundle.schema.sensitive]
    value = len(missed) / max(len(told), 1)
    estimate = Estimate(UNNAMED.name, value, value, value, frame.height, "", False, "all", "counted")
    threshold = case.threshold(UNNAMED, name)
    verdict = judge(estimate, threshold).verdict
    headline = _headline(len(looked), told, missed)
    reason = "names and values are looked at; a column that tells of people under another name is not seen"
    seen = {column.name for column in case.bundle.schema.features}
    rows = tuple((clean(column), told[column], "yes" if column in seen else "no") for column in missed)
    heads = ("column", "seems to tell", "seen by the network")
    tables = (Table("Suggested as sensitive: --sensitive NAME,NAME", heads, rows, len(rows)),) if rows else ()
    return Check(name, verdict, headline, reason, (estimate,), threshold, tables=tables)


def tells(series: pl.Series) -> str:
    """What a column seems to tell of people, by its name and values; empty when nothing.

    Example:
        >>> tells(pl.Series("marital-status", ["single", "married"])), tells(pl.Series("house_age", [10, 20]))
        ('family', '')
    """
    if series.dtype == pl.Binary or series.dtype.is_nested():
        return ""
    if series.dtype == pl.String and series.n_unique() > _MOST_VALUES and "birth" not in series.name.casefold():
        return ""
    return by_name(series.name) or _by_values(series)


def by_name(name: str) -> str:
    """What the words of a name tell of people; empty when nothing.

    Example:
        >>> by_name("SeniorCitizen"), by_name("Nationalität"), by_name("native-country"), by_name("message")
        ('age', 'nationality or origin', 'nationality or origin', '')
    """
    words = _words(name)
    joined = "".join(words)
    for phrase, what in _PHRASES:
        inside = any(words[at : at + len(phrase)] == phrase for at in range(len(words)))
        if not inside and joined != "".join(phrase):
            continue
        if phrase[0] in _AGES and len(phrase) == 1 and not set(words) <= set(_BESIDE_AGE.split()):
            continue
        return what
    return ""


def _by_values(series: pl.Series) -> str:
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return ""
    values = series.cast(pl.String).drop_nulls().unique()
    if not 2 <= len(values) <= 5:
        return ""
    found = {" ".join(_words(value)) for value in values.to_list()}
    return "sex or gender" if any(set(pair.split()) <= found for pair in _PAIRS) else ""


def _words(text: str) -> list[str]:
    """The words of a name in small letters, without accents; those run together are parted at capitals."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return re.findall(r"[a-z]+", parted.casefold())


def _headline(columns: int, told: dict[str, str], missed: list[str]) -> str:
    if not told:
        return f"None of {count(columns, 'column')} is called by a word for sex, age, origin or the like."
    if not missed:
        return f"Of {count(columns, 'column')} {len(told)} seem to tell of people, all of them named as sensitive."
    named = listed([f"“{clean(column, 40)}” ({told[column]})" for column in missed[:6]])
    more = f" and {len(missed) - 6} more" if len(missed) > 6 else ""
    does = "seems to tell of people and is" if len(missed) == 1 else "seem to tell of people and are"
    return f"{count(len(missed), 'column')} {does} not named as sensitive: {named}{more}."
