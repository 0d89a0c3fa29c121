"""A valid value for each field that a person can change, as long as it may be."""

from cases import SMALL, uri
from profile_domain.profile import AVATAR, TEXT_FIELDS

# A field of another kind, such as a date, gets a value of its own here.
VALUES = {field.name: "é" * field.limit for field in TEXT_FIELDS} | {AVATAR: uri(SMALL)}
