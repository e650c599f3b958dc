"""`WORLDS`: named kinds of rendered roads."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.synthetic.config import RoadConfig

# what a dash-cam behind a windscreen sees: no stretched pictures, no view straight down, a horizon in the picture
DASHCAM = RoadConfig(
    stretch_share=0.0,
    steep_share=0.0,
    horizon=(0.34, 0.58),
    hfov_deg=(50.0, 90.0),
    camera_height_m=(1.1, 1.8),
    roll_deg=2.0,
    bend=(-0.12, 0.04),
    bend_share=0.5,
    night_share=0.0,
)

WORLDS: dict[str, RoadConfig] = {
    "mixed": RoadConfig(),
    "highway": replace(
        DASHCAM,
        highway_share=1.0,
        rural_share=0.0,
        lanes=(2, 5),
        exit_share=0.4,
        bridge_share=0.3,
        symbol_share=0.2,
        traffic=(2, 18),
        speed_m_s=28.0,
    ),
    "city": replace(
        DASHCAM,
        highway_share=0.0,
        rural_share=0.0,
        lanes=(2, 4),
        rural_curvature_per_m=0.006,
        grade=0.03,
        unpainted_share=0.04,
        symbol_share=0.85,
        repair_share=0.85,
        lamp_share=0.75,
        bridge_share=0.08,
        traffic=(6, 24),
        wear=0.45,
        gap_share=0.1,
        speed_m_s=12.0,
    ),
    "rural": replace(
        DASHCAM,
        highway_share=0.0,
        rural_share=1.0,
        lanes=(2, 3),
        grade=0.08,
        unpainted_share=0.05,
        symbol_share=0.05,
        repair_share=0.7,
        lamp_share=0.06,
        traffic=(0, 5),
        wear=0.5,
        gap_share=0.12,
        speed_m_s=21.0,
    ),
    "night": replace(
        DASHCAM,
        highway_share=0.5,
        rural_share=0.25,
        lanes=(2, 4),
        night_share=1.0,
        lamp_share=0.5,
        unpainted_share=0.03,
        symbol_share=0.3,
        traffic=(2, 16),
        speed_m_s=22.0,
    ),
    "rain": replace(
        DASHCAM,
        highway_share=0.6,
        rural_share=0.2,
        lanes=(2, 4),
        wet_share=1.0,
        rain_share=0.8,
        night_share=0.15,
        lamp_share=0.4,
        unpainted_share=0.03,
        symbol_share=0.3,
        traffic=(3, 16),
        speed_m_s=22.0,
    ),
    "tunnel": replace(
        DASHCAM,
        tunnel_share=1.0,
        lanes=(2, 3),
        grade=0.03,
        highway_curvature_per_m=0.003,
        symbol_share=0.2,
        repair_share=0.25,
        traffic=(2, 12),
        speed_m_s=22.0,
    ),
}
