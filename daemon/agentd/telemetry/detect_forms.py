"""The forms that secrets have: tables of patterns, each with its kind, the words it cannot be without, and a judge.

It decides what a secret of a known maker looks like, and which names are followed by one. What `telemetry.redact` knows
already is taken from there; here is what it and the library's plug-ins miss (`tests/daemon/telemetry` measures that). It
holds data and compiles it; it never looks at a text. Callers: `telemetry.detect`, `telemetry.detect_judge`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentd.telemetry.redact import FORMS

__all__ = [
    "ANCHORED",
    "ANCHORS",
    "ASSIGNED",
    "BEFORE_KEY",
    "NOT_SECRET_NAMES",
    "OPTION",
    "OWN",
    "SHARED",
    "SPOKEN",
    "WEAK_NAMES",
    "Form",
    "forms",
]

_Judge = Literal["any", "digit", "random", "password"]


@dataclass(frozen=True, slots=True)
class Form:
    """`gates`: words of which one must be in the text, so that most patterns are never run (lower case: in any case).
    The secret is the group `s`, or the whole match. `judge`: what a match must have besides: anything, a digit, the look
    of chance, or the look of a password."""

    kind: str
    pattern: re.Pattern[str]
    gates: tuple[str, ...]
    judge: _Judge = "any"


SHARED: Mapping[str, tuple[str, tuple[str, ...], _Judge]] = {
    "OpenAI, Anthropic, OpenRouter and compatible makers": ("model-key", ("sk-",), "digit"),
    "Google": ("google-key", ("aiza",), "any"),
    "GitHub": ("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), "any"),
    "GitLab": ("gitlab-token", ("glpat-",), "any"),
    "Hugging Face": ("huggingface-token", ("hf_",), "any"),
    "Slack": ("slack-token", ("xox",), "digit"),
    "Amazon's key ids": ("aws-key", ("AKIA", "ASIA"), "any"),
    "the Python package index": ("pypi-token", ("pypi-",), "digit"),
    "the npm registry": ("npm-token", ("npm_",), "digit"),
    "JSON web tokens": ("jwt", ("eyJ",), "any"),
    "authorization headers": ("bearer-token", ("bearer",), "random"),
}
"""What `redact.FORMS` says of a pattern -> kind, gates, judge. Two of its rows are cut finer below: of a private key
whose end is lost only the key may go, not the rest of a conversation; of an address only the password, not the user."""

_B64 = r"[A-Za-z0-9+/=]"
_BREAK = r"(?:(?:\s|\\{1,3}[nrt])++(?:(?!-----)[ >|+\"',-])*+)"
_OWN: Sequence[tuple[str, str, tuple[str, ...], _Judge]] = (
    (
        "private-key",
        r"-----BEGIN (?:[A-Z0-9 ]* )?PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,16384}?"
        r"-----END (?:[A-Z0-9 ]* )?PRIVATE KEY(?: BLOCK)?-----",
        ("private key",),
        "any",
    ),
    (
        "private-key",
        rf"-----BEGIN (?:[A-Z0-9 ]* )?PRIVATE KEY(?: BLOCK)?-----{_BREAK}*+(?P<s>(?:{_B64}{{16,}}+{_BREAK}?+)++{_B64}{{0,76}})",
        ("private key",),
        "any",
    ),
    (
        "private-key",
        rf"(?P<s>(?:{_B64}{{32,76}}+{_BREAK})++(?:{_B64}{{1,76}}+{_BREAK})?+)-----END (?:[A-Z0-9 ]* )?PRIVATE KEY",
        ("private key",),
        "any",
    ),
    ("private-key", rf"Private-Lines: \d+\s+(?P<s>(?:{_B64}{{16,}}\s+)+)", ("private-lines",), "any"),
    ("age-key", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", ("age-secret-key",), "any"),
    ("github-token", r"\b(?:gh[opusr]_|github_pat_)[A-Za-z0-9_]{10,}", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), "digit"),
    ("gitlab-token", r"\b(?:glpat|gldt|glft|glsoat|glrt|glcbt|glptt|glimt|glagent|gloas|glffct)-[A-Za-z0-9_.-]{10,}", ("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "glptt-", "glimt-", "glagent-", "gloas-", "glffct-"), "digit"),
    ("gitlab-token", r"\bGR1348941[A-Za-z0-9_-]{10,}", ("gr1348941",), "any"),
    ("aws-key", r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{12,}\b", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"), "digit"),
    ("aws-token", r"\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu|FQoGZXIvYXdz)[A-Za-z0-9/+=]{40,}", ("fwogzxivyxdz", "iqojb3jpz2lu", "fqogzxivyxdz"), "any"),
    ("aws-token", r"\bABSK[A-Za-z0-9+/=]{60,}", ("ABSK",), "any"),
    ("stripe-key", r"\b(?:sk|rk)_(?:live|test)_[0-9a-zA-Z]{10,}", ("_live_", "_test_"), "digit"),
    ("stripe-key", r"\bwhsec_[A-Za-z0-9+/=]{20,}", ("whsec_",), "any"),
    ("slack-token", r"\bxapp-\d-[A-Za-z0-9-]{20,}", ("xapp-",), "any"),
    ("slack-webhook", r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{16,}", ("hooks.slack.com",), "any"),
    ("discord-webhook", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}", ("/webhooks/",), "any"),
    ("teams-webhook", r"https://[\w.-]+\.webhook\.office\.com/[\w@/.-]{30,}", ("webhook.office.com",), "any"),
    ("google-token", r"\bya29\.[A-Za-z0-9_-]{20,}", ("ya29.",), "any"),
    ("google-secret", r"\bGOCSPX-[A-Za-z0-9_-]{20,}", ("gocspx-",), "any"),
    ("google-token", r"\b1//0[A-Za-z0-9_-]{30,}", ("1//0",), "any"),
    ("firebase-key", r"\bAAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{100,}", ("AAAA",), "any"),
    ("groq-key", r"\bgsk_[A-Za-z0-9]{20,}", ("gsk_",), "digit"),
    ("xai-key", r"\bxai-[A-Za-z0-9]{30,}", ("xai-",), "digit"),
    ("replicate-token", r"\br8_[A-Za-z0-9]{20,}", ("r8_",), "digit"),
    ("perplexity-key", r"\bpplx-[A-Za-z0-9]{20,}", ("pplx-",), "digit"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", ("sg.",), "digit"),
    ("mailgun-key", r"\bkey-[0-9a-f]{32}\b", ("key-",), "any"),
    ("twilio-key", r"\bSK[0-9a-f]{32}\b", ("SK",), "any"),
    ("azure-key", r"(?i)\b(?:Account|SharedAccess)Key=(?P<s>[A-Za-z0-9+/]{20,}={0,2})", ("accountkey=", "sharedaccesskey="), "any"),
    ("azure-sas", r"(?<=[?&;])(?:sig|SharedAccessSignature)=(?P<s>[A-Za-z0-9%/+=_-]{30,})", ("sig=", "signature="), "any"),
    ("azure-secret", r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", ("Q~",), "any"),
    ("digitalocean-token", r"\bdo[opr]_v1_[a-f0-9]{32,}", ("_v1_",), "any"),
    ("shopify-token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{24,}", ("shpat_", "shpca_", "shppa_", "shpss_"), "any"),
    ("square-token", r"\bsq0[a-z]{3}-[A-Za-z0-9_-]{20,}", ("sq0",), "any"),
    ("databricks-token", r"\bdapi[a-f0-9]{32}\b", ("dapi",), "any"),
    ("vault-token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}", ("hvs.", "hvb.", "hvr."), "any"),
    ("terraform-token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}", ("atlasv1",), "any"),
    ("docker-token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", ("dckr_",), "any"),
    ("newrelic-key", r"\bNRAK-[A-Z0-9]{20,}", ("nrak-",), "any"),
    ("grafana-token", r"\bglsa_[A-Za-z0-9_]{20,}|\bglc_eyJ[A-Za-z0-9+/=]{20,}", ("glsa_", "glc_"), "any"),
    ("notion-token", r"\b(?:ntn_|secret_)[A-Za-z0-9]{40,}", ("ntn_", "secret_"), "digit"),
    ("linear-key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{20,}", ("lin_",), "any"),
    ("figma-token", r"\bfig[dou]_[A-Za-z0-9_-]{20,}", ("figd_", "figo_", "figu_"), "digit"),
    ("airtable-token", r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{40,}", ("pat",), "any"),
    ("postman-key", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{20,}", ("pmak-",), "any"),
    ("sentry-token", r"\bsntry[su]_[A-Za-z0-9_=+/-]{30,}", ("sntry",), "any"),
    ("doppler-token", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{20,}", ("dp.",), "digit"),
    ("pulumi-token", r"\bpul-[a-f0-9]{40}\b", ("pul-",), "any"),
    ("fly-token", r"\bfm[12]_[A-Za-z0-9+/=_-]{40,}|\bfo1_[A-Za-z0-9_-]{30,}", ("fm1_", "fm2_", "fo1_"), "any"),
    ("supabase-token", r"\bsb(?:p|_secret)_[A-Za-z0-9_]{20,}", ("sbp_", "sb_secret_"), "digit"),
    ("planetscale-token", r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{20,}", ("pscale_",), "any"),
    ("rubygems-key", r"\brubygems_[a-f0-9]{40,}", ("rubygems_",), "any"),
    ("pypi-token", r"\bpypi-AgE[A-Za-z0-9_-]{16,}", ("pypi-age",), "any"),
    ("npm-token", r"_auth(?:Token)?\s*=\s*(?P<s>[A-Za-z0-9+/=_-]{16,})", ("_auth",), "digit"),
    ("crates-token", r"\bcio[A-Za-z0-9]{32}\b", ("cio",), "digit"),
    ("dynatrace-token", r"\bdt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{20,}", ("dt0",), "any"),
    ("artifactory-key", r"\bAKC[a-zA-Z0-9]{20,}", ("AKC",), "digit"),
    ("wireguard-key", r"(?i)\b(?:Private|Preshared)Key\s*=\s*(?P<s>[A-Za-z0-9+/]{43}=)", ("privatekey", "presharedkey"), "any"),
    ("password-hash", r"\$(?:1|5|6|y|2[abxy]|argon2(?:id|i|d)|scrypt|pbkdf2-sha\d+)\$[./A-Za-z0-9$=,+-]{20,}", ("$",), "any"),
    ("auth-header", r"(?i)\bauthorization\\*[\"']?\s*[:=,]\s*\\*[\"']?(?:basic|token|apikey|api-key|key|negotiate|digest|bearer)\s+(?P<s>[A-Za-z0-9._~+/=-]{6,})", ("authorization",), "any"),
    ("auth-header", r"(?i)\bauthorization\\*[\"']?\s*[:=]\s*\\*[\"']?(?P<s>[A-Za-z0-9._~+/=-]{16,})", ("authorization",), "random"),
    ("auth-header", r"(?i)\bBasic\s+(?P<s>[A-Za-z0-9+/]{12,}={0,2})(?![A-Za-z0-9+/])", ("basic ",), "random"),
    ("cookie", r"(?i)\b(?:set-)?cookie\\*[\"']?\s*[:=]\s*\\*[\"']?[^\r\n\"'\\]{0,160}?(?:sess|token|auth|sid|jwt|csrf|remember)[\w.-]*=(?P<s>[^\s;\"'\\]{8,})", ("cookie",), "any"),
    ("netrc-password", r"(?i)\blogin\s+\S+\s+password\s+(?P<s>[^\s\\\"']{3,})", ("password",), "any"),
    ("netrc-password", r"(?i)\bmachine\s+\S+\s+password\s+(?P<s>[^\s\\\"']{3,})", ("password",), "any"),
    ("pgpass-password", r":(?:\d{4,5}|\*):[^:\s\\\"']{1,64}:[^:\s\\\"']{1,64}:(?P<s>[^\s:\\\"']{4,128})(?=\s|$|\\n|[\"'])", (":",), "any"),
    ("option-password", r"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;&]{0,200}?\s-p(?P<s>[^\s'\"\\]{4,})", ("mysql", "mariadb"), "any"),
    ("option-password", r"\bsshpass\s+-p\s*\\*['\"]?(?P<s>[^\s'\"\\]{3,})", ("sshpass",), "any"),
    ("option-password", r"\b(?:docker|podman|helm|az|oc)\b[^\n|;&]{0,160}?\blogin\b[^\n|;&]{0,160}?\s-p\s*\\*['\"]?(?P<s>[^\s'\"\\]{4,})", ("login",), "any"),
    ("option-password", r"\b(?:curl|wget|http|https|xh)\b[^\n|;&]{0,400}?\s(?:-u|--user|-a|--auth)[ =]?\\*['\"]?[^\s:'\"\\]+:(?P<s>[^\s'\"\\]{3,})", ("curl", "wget", "http"), "password"),
    ("url-password", r"://[^/\s:@\"'<>]{0,256}:(?P<s>[^\s@\"'<>]{3,256})@[A-Za-z0-9.\[-]", ("://",), "password"),
    ("sql-password", r"(?i)\bidentified\s+(?:with\s+\w+\s+)?by\s+(?:password\s+)?\\*['\"](?P<s>[^'\"\\]{4,})", ("identified",), "any"),
    ("option-password", r"\b(?:sqlcmd|osql|bcp)\b[^\n|;&]{0,200}?\s-P\s*\\*['\"]?(?P<s>[^\s'\"\\]{4,})", ("sqlcmd", "osql", "bcp"), "any"),
    ("piped-password", r"[\w.-]{1,64}:(?P<s>[^\s:'\"\\]{4,128})\\*['\"]?\s*\|\s*(?:sudo\s+)?chpasswd", ("chpasswd",), "any"),
    ("auth-header", r"\"auth\\*\"\s*:\s*\\*\"(?P<s>[A-Za-z0-9+/]{12,}={0,2})\\*\"", ("\"auth",), "random"),
    ("settings-password", r"(?m)^[ \t]*(?:requirepass|masterauth|wpa-psk|psk|password|secret)[ \t]+(?P<s>[^\s\"'\\]{6,})[ \t]*$", ("requirepass", "masterauth", "psk", "password", "secret"), "random"),
)  # fmt: skip

OWN: tuple[Form, ...] = tuple(Form(kind, re.compile(pattern), gates, judge) for kind, pattern, gates, judge in _OWN)

ANCHORS = ("pass", "pwd", "contrase", "secret", "token", "cred", "key", "pw", "psk", "bearer")
"""What every name that is followed by a secret has in it (lower case): found at the speed of a plain search."""

ANCHORED = re.compile(
    r"(?:pass(?:word|wd|phrase|wort|code)s?|pass(?![a-z])|pwd|contrase[nñ]as?|secrets?|tokens?|cred(?:ential)?s?(?![a-z])|"
    r"bearer(?![a-z])|pw(?![a-z])|psk(?![a-z])|key(?![a-z]|board|word|space))",
)
"""The whole word at an anchor, in lower case; `key` counts only after one of the words of BEFORE_KEY."""

BEFORE_KEY = re.compile(
    r"(?:api|auth|access|account|service|db|database|priv|private|client|signing|encryption|master|consumer|license|"
    r"storage|subscription|function|shared|session|jwt|hmac|webhook|admin|root|user|bot|app|ssh|deploy|secret)[ _-]?$"
)

_CLOSE = r"(?:\\{0,3}[\"'`])?\]?(?:\[\d*\])?"
_OPERATOR = r"[ \t]{0,8}(?:(?::[ \t]*[A-Za-z_][\w\[\]|. ]{0,30}?[ \t]*=)|:=|=>|={1,3}|!={1,2}|:|\||\t|>(?=[^\s<>=])|\()[ \t]{0,8}@?"
_QUOTED = r"(?:[bfru]{0,2}(?P<q>\\{0,3}[\"'`])(?P<qv>(?:(?!(?P=q))(?:\\[^\n]|[^\n])){1,4096}?)(?P=q))"
_BARE = r"(?P<bv>[^\s\"'`<>\\|]{3,4096})"
ASSIGNED = re.compile(
    rf"(?P<rest>[\w-]{{0,40}})(?: (?:for|of|on) [\w.@/-]{{1,40}})?{_CLOSE}(?P<op>{_OPERATOR})(?:{_QUOTED}|{_BARE})"
)
"""What follows a name's keyword when a secret does: the rest of the name, an operator, a value in quotes (also escaped
ones) or bare."""

OPTION = re.compile(r"(?P<rest>[\w-]{0,24})(?:[ \t]+|=|\\*[\"'],?\s*\\*[\"'])\\*[\"']?(?P<s>[^\s\"'\\-][^\s\"'\\]{3,})")
"""What follows the keyword of a command's option (`--password x`, `"--token", "x"`)."""

SPOKEN = re.compile(
    r"(?: (?:for|of|to|on|in) [\w./@ -]{1,40}?)? (?:is|was|be|to|as|will be|ist|est|es)(?: now| still)?\s*:?\s*\\*[\"'`]?(?P<s>[^\s\"'`\\]{6,})"
)
"""What follows a keyword in a sentence that says a secret."""

NOT_SECRET_NAMES = re.compile(
    r"[_.-]?(names?|types?|kinds?|ids?|identifiers?|fields?|inputs?|files?|filename|paths?|dir|folder|urls?|uris?|"
    r"endpoint|counts?|counter|length|len|size|bytes|limits?|max|min|polic(?:y|ies)|expir\w*|ttl|age|formats?|labels?|"
    r"hints?|placeholder|errors?|messages?|versions?|index|regex|patterns?|managers?|provider|stores?|class|bucket|"
    r"required|enabled|disabled|reset|refs?|reference|env|variables?|vars?|prefix|suffix|schema|scope|header|column|"
    r"detector|scanner|rotation|strength|manager|parser|usage|window|budget|price|cost|rate|per\w*|based|ized?|izer)$",
    re.IGNORECASE,
)
"""Ends of names that speak about a secret and do not hold one; what follows them has to look like chance."""

WEAK_NAMES = re.compile(r"(tokens|secrets|credentials?|cred|pass|key|token)$", re.IGNORECASE)
"""Names that stand for counts, lists and ordinary words as often as for a secret."""


def forms() -> tuple[Form, ...]:
    """Every form: those of `telemetry.redact` that are told apart here, then our own."""
    shared = [
        Form(SHARED[words][0], re.compile(pattern), SHARED[words][1], SHARED[words][2])
        for pattern, words in FORMS
        if words in SHARED
    ]
    return (*shared, *OWN)
