"""pydantic-settings, told where to look: settings read what they are handed, and nothing else."""

from __future__ import annotations

from typing import Any, Self

from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

PREFIX = "HEDGEROW_"
"""How every variable of this program begins."""

_SOURCES = "_sources"


class Handed(BaseSettings):
    """Settings from the sources that `of` is given; made in any other way, from its arguments alone.

    So no variable, dotenv file or folder has a say that a message could not name.
    """

    @classmethod
    def of(cls, *sources: PydanticBaseSettingsSource) -> Self:
        """The settings that the sources hold together, key by key the first that has one. Raises ValidationError."""
        arguments: dict[str, Any] = {_SOURCES: sources}
        return cls(**arguments)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the hook's own signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the hook's own signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the hook's own signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the sources of `of`, in place of those that pydantic-settings would find by itself."""
        arguments = dict(init_settings())
        sources: tuple[PydanticBaseSettingsSource, ...] = arguments.pop(_SOURCES, ())
        return (InitSettingsSource(settings_cls, arguments), *sources)
