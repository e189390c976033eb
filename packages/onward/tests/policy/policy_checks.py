"""Strategies: checks as operators and services write them, and people and things to try them on."""

from hypothesis import strategies as st

from onward.policy.language import Always, And, Atom, Check, Never, Not, Or, Role, Rule

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
