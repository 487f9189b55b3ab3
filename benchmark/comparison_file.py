"""compare.json on the disk, checked when it is read: it may come from a stranger's pull request."""

from pathlib import Path

from pydantic import ValidationError

from benchmark.comparison import Comparison
from benchmark.errors import InvalidRunError, UsageError
from benchmark.files import write_whole

FILE_NAME = "compare.json"
LARGEST_BYTES = 20 * 2**20


def write_comparison(comparison: Comparison, directory: Path) -> Path:
    """Write compare.json. OSError: not written."""
    path = directory / FILE_NAME
    write_whole(path, to_json(comparison))
    return path


def to_json(comparison: Comparison) -> str:
    """Serialise a comparison, keys in their order."""
    return comparison.model_dump_json(indent=1) + "\n"


def read_comparison(path: Path) -> Comparison:
    """Read a compare.json, or the one in a directory. UsageError or InvalidRunError names the file."""
    file = path / FILE_NAME if path.is_dir() else path
    try:
        if file.stat().st_size > LARGEST_BYTES:
            message = f"{file} is larger than any comparison; compare again"
            raise InvalidRunError(message)
        return Comparison.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{file} does not exist; name a directory that `bench compare` wrote"
        raise UsageError(message) from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        message = f"{file} is not a valid comparison: {where}: {problem['msg']}; compare again"
        raise InvalidRunError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} can not be read: {error}"
        raise InvalidRunError(message) from None


def read_newest(results: Path) -> Comparison:
    """Read the newest comparison of those that lie in a directory. UsageError: there is none."""
    files = sorted(results.glob(f"*/{FILE_NAME}"))
    if not files:
        message = f"{results} holds no comparison; name the directory that `bench compare --out` wrote to"
        raise UsageError(message)
    return read_comparison(files[-1])
