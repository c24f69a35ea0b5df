"""The tone curve that ``midtone render`` draws with, fitted to the measured curves.

    python benchmarks/tone_curve.py [--write]      # needs scipy (comes with midtone[explore])

A scene's linear light E, rendered at EV e, has the code T(E 2^e). So the code c of the rendering at
0 EV goes with T(T^-1(c) 2^e), for every e; the measured curves say what that should be. T is found
as 255 rising exposures, one a code, by least squares in code values, with a penalty on the second
difference of its log slope. Codes below 32 count less: of so few pixels the curves tell little, and
they contradict each other (both -1 EV and +1 EV lift the blacks).

--write: replace src/midtone/data/tone_curve.json by what was found
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

import midtone.data
from midtone.data import tone_curve
from midtone.data.synthesize import measured_curve

EVS = (-1.5, -1.0, 1.0, 1.5)
_STIFFNESS = 10.0
_MIDDLE = 118
CODES = np.arange(256.0)


def fit() -> np.ndarray:
    """Exposure of codes 1 to 255 in EV above code 118: (255,) float64."""
    weights = np.minimum(1, (CODES / 32) ** 2)
    stiffness = _STIFFNESS * np.sqrt(CODES[2:254])

    def residuals(slopes: np.ndarray) -> np.ndarray:
        exposures = rising(slopes)
        off = [(tone_curve.relation(ev, exposures) - measured_curve(ev)) * weights for ev in EVS]
        return np.concatenate([*off, stiffness * np.diff(slopes, 2)])

    srgb = np.log2(((CODES[1:] / 255 + 0.055) / 1.055) ** 2.4)
    return rising(least_squares(residuals, np.log(np.diff(srgb)), max_nfev=60).x)


def rising(slopes: np.ndarray) -> np.ndarray:
    """Exposures from the logarithms of their differences; code 118 is at 0."""
    exposures = np.concatenate([[0], np.cumsum(np.exp(slopes))])
    return exposures - exposures[_MIDDLE - 1]


def report(exposures: np.ndarray) -> None:
    """Print how near the curve comes to the measured ones, in code values."""
    print("| EV | RMS, codes 16 to 255 | RMS, all codes | largest, codes 16 to 255 |")
    print("|---|---|---|---|")
    for ev in EVS:
        off = tone_curve.relation(ev, exposures) - measured_curve(ev)
        rms, all_rms = (np.sqrt(np.mean(part**2)) for part in (off[16:], off))
        print(f"| {ev:+g} | {rms:.2f} | {all_rms:.2f} | {np.abs(off[16:]).max():.2f} |")


def main() -> None:
    """Fit, report and, if asked, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    exposures = fit()
    if options.write:
        what = "Scene exposure of 8-bit codes 1 to 255, EV above code 118; benchmarks/tone_curve.py"
        text = json.dumps({"what": what, "ev": [round(float(ev), 4) for ev in exposures]})
        path = Path(midtone.data.__file__).parent / "tone_curve.json"
        path.write_text(text + "\n", "utf-8")
    report(exposures)
    print(f"\nblack (code 1) {exposures[0]:+.2f} EV, white (code 255) {exposures[-1]:+.2f} EV")


if __name__ == "__main__":
    main()
