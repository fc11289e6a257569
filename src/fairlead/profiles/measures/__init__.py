"""What is measured of values that are not single numbers or categories, one file for each kind.

Each gives, by name, one number per row (NaN where there is none) or a tally of categories.
"""

from __future__ import annotations

from fairlead.profiles.measures.images import describe_image
from fairlead.profiles.measures.sounds import describe_sound
from fairlead.signature.media import media_kind


def describe_media(data: bytes) -> str:
    """What the log keeps of a picture or a sound beside its digest and size, in words.

    Such as `mode=RGB width=640 height=480 brightness=0.41`; `unreadable` where nothing can be
    measured, and nothing where that was not tried.
    """
    kind = media_kind(data)
    if kind is None:
        return ""
    return describe_image(data) if kind == "image" else describe_sound(data)
