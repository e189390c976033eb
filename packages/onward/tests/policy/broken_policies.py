"""Strategies: policy files as nobody should have them, and rules that no service should be asked to load."""

import json
from collections.abc import Callable

from hypothesis import strategies as st
from policy_checks import anything, lists, texts

NAMES = ("identity:list_users", "identity:get_user", "admin_required", "default", "a", "b", "c", "", "\u2028", "rule:a")

deep = st.sampled_from([3, 150, 3000])


def nested(opening: str, closing: str) -> Callable[[int], str]:
    return lambda depth: opening * depth + "role:x" + closing * depth


deep_checks = st.one_of(
    *(
        deep.map(nested(opening, closing))
        for opening, closing in [("(", ")"), ("not ", ""), ("(not ", ")"), ("role:a or ", ""), ("(role:a and ", ")")]
    )
)
circles = st.sampled_from(NAMES).map(lambda name: f"not rule:{name} and rule:b")
numbers = st.sampled_from([0, 1, -1, 10**400, 1.5, float("inf"), True, False])

odd_values = st.one_of(texts, anything, deep_checks, circles, lists, numbers, st.none(), st.text(max_size=20))
odd_rules = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), odd_values, max_size=12)
"""Rules that a file can hold; most of them mean nothing."""

loadable_rules = st.dictionaries(
    st.sampled_from(NAMES) | st.text(max_size=8), st.one_of(texts, anything, deep_checks, circles, lists), max_size=12
)
"""Rules that oslo.policy loads, whatever it makes of them."""

SOUND = '"identity:list_users": "role:auditor"\n"identity:get_user": "rule:admin_required"\n'
PIECES = (
    *"[]{}:,&*!|>%@`\"'#-?\t\n\x00\x07\ufeff\u2028\x85",
    *("<<: *a\n", "a: &a [*a]\n", "? [x]\n: y\n", "--- \n", "...\n", "%YAML 9.9\n", "!!python/object:os.system x\n"),
    *(
        "!!binary xx\n",
        "!!set {a}\n",
        "2001-99-99",
        "!!timestamp x",
        "!!bool maybe",
        "!!int x",
        "!!float x",
        ".nan: x\n",
    ),
    *(
        f'"big": 0x{"f" * 6000}\n',
        f'"long": {"9" * 6000}\n',
        f'"sixty": {"1:" * 3000}1\n',
        "null: x\n",
        "1: x\n",
        "~: ~\n",
    ),
)
laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A sound file into which something has fallen, perhaps cut off."""
    text = draw(
        st.sampled_from([SOUND, json.dumps({"a": "rule:b", "b": ["role:x"]}), laughs]) | odd_rules.map(json.dumps)
    )
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(PIECES)) + text[place:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


bracketed = st.builds(
    lambda opening, depth: opening * depth, st.sampled_from(["[", "{a: ", "- ", "? ", "&a [", "{[", "!!seq ["]), deep
)

files = st.one_of(
    st.binary(max_size=60),
    damaged().map(lambda text: text.encode("utf-8", "surrogatepass")),
    bracketed.map(str.encode),
    st.sampled_from(["utf-16", "utf-32", "utf-8-sig"]).map(SOUND.encode),
    st.just("\u00fc: role:x\n".encode("latin-1")),
    st.just(laughs.encode()),
    odd_rules.map(lambda rules: json.dumps(rules).encode()),
)
"""Content of files, most of which no YAML parser reads."""
