"""Which files below src/ are the project's: those in git and new ones, not what npm has installed there."""
import subprocess


def our_files(root):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "src"],
                            cwd=root, capture_output=True, text=True, check=True).stdout
    return [file for line in sorted(set(listed.splitlines())) if (file := root / line).is_file()]
