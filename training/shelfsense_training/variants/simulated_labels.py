"""The simulated log of a study and the labels mined from it, each made once."""

from __future__ import annotations

from pathlib import Path

from shelfsense_training.mining.label_files import write_labels
from shelfsense_training.mining.label_mining import mine_labels
from shelfsense_training.mining.label_settings import LabelSettings
from shelfsense_training.mining.sql_engine import duckdb_engine
from shelfsense_training.simulation.simulation import CATALOG, EVENTS, SETTINGS, SimulationSettings, load_simulation


def simulated_labels(simulation: Path, work: Path) -> Path:
    """Return the labels of a simulated log, corrected for exposure; what is missing is made."""
    if not (simulation / SETTINGS).exists():
        load_simulation(SimulationSettings()).write(simulation)
    labels = work / "labels_corrected.parquet"
    if not labels.exists():
        work.mkdir(parents=True, exist_ok=True)
        with duckdb_engine(memory_limit="4GB", threads=2) as engine:
            mined = mine_labels(
                engine, simulation / EVENTS, simulation / CATALOG, LabelSettings(), exposure="corrected"
            )
        write_labels(mined, labels)
    return labels
