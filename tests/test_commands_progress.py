from __future__ import annotations

from collections import Counter

from midtone.commands.progress import Progress, closing_line


def test_the_closing_line_names_what_was_passed_over():
    counts = {"corrected": 11, "left unchanged": 2, "failed": 1}
    assert closing_line(counts, Counter()) == "11 corrected, 2 left unchanged, 1 failed"
    line = closing_line({"corrected": 1}, Counter({".txt": 2, ".xmp": 1}))
    assert line == "1 corrected; 3 files of other kinds passed over (2 .txt, 1 .xmp)"
    line = closing_line({"corrected": 0}, Counter({".txt": 1}))
    assert line == "0 corrected; 1 file of another kind passed over (1 .txt)"


def test_quiet_keeps_results_and_errors(capsys):
    with Progress(3, quiet=True) as progress:
        progress.note("a remark")
        progress.print("a result")
        progress.fail("an error")
        progress.advance()
    assert capsys.readouterr() == ("a result\n", "midtone: an error\n")
