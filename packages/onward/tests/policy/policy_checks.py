"""Strategies: checks as operators and services write them, and people and things to try them on."""

import json

from hypothesis import strategies as st

from onward.policy.language import Always, And, Atom, Check, Never, Not, Or, Role, Rule, text

ROLES = ("admin", "member", "Reader", "%(role)s", "service")
RULES = ("admin_required", "owner", "missing", "base")
ATOMS = (
    ("user_id", "%(user_id)s"),
    ("user_id", "%(target.user.id)s"),
    ("project_id", "%(project_id)s"),
    ("system_scope", "all"),
    ("is_admin", "True"),
    ("is_admin", "1"),
    ("token.project.id", "%(project_id)s"),
    ("domain_id", "abc%(domain_id)s%%"),
    ("True", "%(enabled)s"),
    ("None", "%(project_id)s"),
    ("'member'", "%(role)s"),
    ('"member"', "%(role)s"),
    ("'1'", "1"),
    ("2", "1"),
)

singles = (
    st.sampled_from(ATOMS).map(lambda pair: Atom(*pair))
    | st.sampled_from(ROLES).map(Role)
    | st.sampled_from(RULES).map(Rule)
    | st.sampled_from((Always(), Never()))
)


def _joined(parts: st.SearchStrategy[Check]) -> st.SearchStrategy[Check]:
    some = st.lists(parts, min_size=2, max_size=4).map(tuple)
    return some.map(And) | some.map(Or) | parts.map(Not)


trees = st.recursive(singles, _joined, max_leaves=12)

words = st.sampled_from(
    [f"{kind}:{match}" for kind, match in ATOMS]
    + [f"role:{name}" for name in ROLES]
    + [f"rule:{name}" for name in RULES]
    + [
        "and",
        "or",
        "not",
        "AND",
        "Or",
        "nOt",
        "(",
        ")",
        "((",
        "))",
        "()",
        "@",
        "!",
        "'quoted'",
        '"x:y"',
        "nocolon",
        "role:",
        ":",
    ]
    + ["http://host/%(project_id)s", "Role:admin", "rule:a(b)", "(role:x", "role:y)", "'q':'q'", "'q)'", "not(role:z)"]
)
spaces = st.sampled_from([" ", "", "  ", "\t", "\n", "\u00a0", "\u2003", "\x1f"])

texts = st.lists(st.tuples(words, spaces), max_size=12).map(lambda pairs: "".join(w + s for w, s in pairs))
"""Everything that might stand in a policy file, most of it wrong."""

anything = st.text(alphabet=st.sampled_from("()ab:@!%'\" \n\tandortisule:"), max_size=30)

elements = words | anything | st.none() | st.just("role:two words")
lists = st.lists(elements | st.lists(elements, max_size=3), max_size=4)
"""The legacy syntax."""

people = st.fixed_dictionaries(
    {"roles": st.lists(st.sampled_from(("admin", "Member", "reader", "service", "x")), max_size=3, unique=True)},
    optional={
        "user_id": st.sampled_from(("a", "b")),
        "project_id": st.sampled_from(("a", "b", None)),
        "domain_id": st.sampled_from(("abca%", "a", "")),
        "system_scope": st.just("all"),
        "is_admin": st.sampled_from((True, False, 1, [True, 1])),
        "token": st.sampled_from(({"project": {"id": "a"}}, {"project": [{"id": "a"}, {"id": "b"}]}, {}, None)),
    },
)
"""Credentials, some of them odd."""

things = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(("a", "b")),
        "target.user.id": st.sampled_from(("a", "b")),
        "project_id": st.sampled_from(("a", "b", None)),
        "domain_id": st.sampled_from(("a", "b")),
        "enabled": st.booleans(),
        "role": st.sampled_from(("admin", "member", "x")),
    },
)
"""Targets."""

policies = st.fixed_dictionaries({}, optional=dict.fromkeys(("admin_required", "owner", "base", "default"), trees))
"""Rules that checks may refer to."""

sound_people = people.filter(lambda person: "token" not in person or person["token"] is not None)
"""Credentials with the shape that Keystone gives them: no check fails on them, so that the order does not matter."""

NAMES = ("a", "b", "c", "old", "default")
readable_checks = st.sampled_from(
    ["", "@", "!", "role:admin", "rule:a", "rule:b", "rule:old", "role:x or role:y", "ROLE:admin"]
) | trees.map(text)


@st.composite
def registered_rules(draw: st.DrawFn) -> list[dict]:
    """A service's rules, some of which replace others, 1:1 and 1:N."""
    rules = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        rule = {"name": name, "check": draw(readable_checks), "removal": draw(st.sampled_from([False, False, True]))}
        if draw(st.booleans()):
            rule["replaced"] = {"name": draw(st.sampled_from(NAMES)), "check": draw(readable_checks)}
        rules.append(rule)
    return rules


overrides = st.dictionaries(st.sampled_from((*NAMES, "unknown")), readable_checks)


@st.composite
def said_again(draw: st.DrawFn, rules: list[dict]) -> dict[str, object]:
    """Overrides, many of which say what a default says, in other words or through other rules."""
    checks = [rule["check"] for rule in rules] + [rule["replaced"]["check"] for rule in rules if "replaced" in rule]
    same = st.sampled_from(checks).flatmap(
        lambda check: (
            st.sampled_from([check, f"({check}) or ({check})", f"not not ({check})", f"({check}) and @"])
            if check.strip() and check != "ROLE:admin or"
            else st.just(check)
        )
    )
    names = st.sampled_from([*(rule["name"] for rule in rules), "old", "unknown"])
    return draw(st.dictionaries(names, same | readable_checks | st.just([["role:two words", "role:admin"], "role:x"])))


@st.composite
def policy_file(draw: st.DrawFn, values: dict[str, object]) -> str:
    """These overrides as a file of any form, with comments where it may have some, and perhaps with a repeated rule."""
    form = draw(st.sampled_from(["json", "tabs", "braces", "block", "block", "anchors"]))
    if form in ("json", "tabs", "braces"):
        return json.dumps(values, indent={"json": 4, "tabs": "\t", "braces": None}[form])
    lines = draw(st.sampled_from([[], ["---"], ["# head", ""]]))
    if values and draw(st.booleans()):
        lines = [*lines, f"{next(iter(values))}: role:never"]
    for number, (name, value) in enumerate(values.items()):
        comment = draw(st.sampled_from([None, f"# about {name}", ""]))
        lines = lines if comment is None else [*lines, comment]
        shown = json.dumps(value)
        if form == "anchors":
            earlier = [other for other in list(values)[:number] if values[other] == value]
            shown = f"*x{list(values).index(earlier[0])}" if earlier else f"&x{number} {shown}"
        lines = [*lines, f"{json.dumps(name)}: {shown}{draw(st.sampled_from(['', '  # why', '   ']))}"]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# tail\n", "\n...\n"]))
