"""What makes a probability and a threshold trustworthy in every locale: maps, shrunk maps, bounded thresholds."""

from shelfsense_training.calibration.platt import (
    LevelCalibration,
    apply_calibration,
    expected_calibration_error,
    fit_level,
)

__all__ = ["LevelCalibration", "apply_calibration", "expected_calibration_error", "fit_level"]
