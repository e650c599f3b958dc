"""`RoadConfig`: the ranges from which a rendered road is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from lanelight.errors import LanelightError

Range = tuple[float, float]


@dataclass(frozen=True)
class RoadConfig:
    """The size of the rendered view and the ranges of everything random in it.

    Attributes:
        size: (width, height) of the rendered view, px.
        slots: number of slots; the ego pair is the middle one.
        principal_row: share of the height in which the principal point lies; None is the middle of a whole frame
            (0.5), and for a view wider than 2:1 the middle of the frame from which `ViewportPolicy` takes its band.
        supersample: px drawn per px of the view, in each direction; at most 0.7 in views of more than half a
            megapixel (0.6 at night and in tunnels), which are a little softer for it and drawn in half the time.
        hfov_deg: horizontal field of view, degrees.
        stretch: width of a stretched picture by its height, relative to the true aspect.
        stretch_share: share of stretched pictures (frames resized without regard to their aspect).
        bend: how far the lens moves a point at the left or right rim inwards (negative) or outwards, share of its
            distance from the middle.
        bend_share: share of views through a lens that bends.
        horizon: row of the horizon of a level road, share of the height.
        steep_share: share of views that look steeply down at the road, without horizon.
        steep_horizon: `horizon` of those.
        camera_height_m: height of the camera above the road, m.
        roll_deg: largest roll, degrees.
        yaw_deg: largest angle between camera and lane, degrees.
        lateral_share: largest usual distance of the camera from the middle of its lane, share of the lane's width.
        lane_change_share: share of views taken during a lane change (anywhere in the lane, more yaw).
        lane_width_m: m.
        lanes: number of lanes of one carriageway or two-way road.
        line_width_m: width of painted lines, m.
        highway_share: share of divided highways.
        rural_share: share of two-way country roads; the rest are streets.
        unpainted_share: share of streets and country roads without any paint.
        highway_curvature_per_m: largest curvature of highways, 1/m.
        rural_curvature_per_m: largest curvature of other roads, 1/m.
        curve_length_m: length of stretches of constant curvature; between them it changes linearly (clothoids).
        grade: largest grade, m per m.
        hill_length_m: length of stretches of constant change of grade, m.
        exit_share: share of highways on which a lane leaves or joins at the right.
        traffic: number of vehicles in sight, in free to dense traffic.
        ego_leader_share: share of views with a vehicle close ahead in the ego lane.
        sunny_share: share of views with direct sun and so with shadows.
        night_share: share of views at dusk or night.
        shadow_share: share of sunny views with shadows of trees, walls or bridges on the road.
        wear: typical wear of paint, 0 to 1.
        worn_out_share: share of lines that are gone.
        gap_share: share of lines without paint on a stretch; they are labelled there all the same.
        symbol_share: share of roads with arrows and words on them.
        repair_share: share of roads with repaired or stained asphalt.
        bridge_share: share of roads, country roads aside, with a bridge over them.
        lamp_share: share of roads with lamp posts; they shine at night.
        glare_share: share of sunny views with the sun in the lens.
        wet_share: share of views on a wet road.
        rain_share: share of those in which it rains.
        tunnel_share: share of views in a tunnel.
        speed_m_s: speed of drives and typical speed of other vehicles, m/s.
        double_share: share of lines between two directions that are double.
        divider_share: share of two-way roads with a fence, barrier, rail or kerb on the line between the directions.
        fence_share: share of roads with a fence close beside the pavement, on each side.
        close_share: share of views, where there is traffic, with vehicles close ahead in neighbouring lanes.
        bonnet_share: share of views with the own bonnet in them.
        photometric: False leaves the clean picture: no noise, blur, glare, bonnet, compression.

    Raises:
        LanelightError: a size is not positive or a range is reversed.
    """

    size: tuple[int, int] = (512, 224)
    slots: int = 4
    principal_row: float | None = None
    supersample: float = 1.15
    hfov_deg: Range = (45.0, 90.0)
    stretch: Range = (0.78, 1.1)
    stretch_share: float = 0.25
    bend: Range = (-0.18, 0.06)
    bend_share: float = 0.35
    horizon: Range = (0.05, 0.58)
    steep_share: float = 0.06
    steep_horizon: Range = (-0.6, 0.0)
    camera_height_m: Range = (1.0, 2.2)
    roll_deg: float = 3.0
    yaw_deg: float = 2.5
    lateral_share: float = 0.2
    lane_change_share: float = 0.1
    lane_width_m: Range = (2.7, 4.0)
    lanes: tuple[int, int] = (1, 5)
    line_width_m: Range = (0.09, 0.22)
    highway_share: float = 0.62
    rural_share: float = 0.25
    unpainted_share: float = 0.12
    highway_curvature_per_m: float = 0.0025
    rural_curvature_per_m: float = 0.012
    curve_length_m: Range = (40.0, 220.0)
    grade: float = 0.05
    hill_length_m: Range = (60.0, 260.0)
    exit_share: float = 0.12
    traffic: tuple[int, int] = (0, 16)
    ego_leader_share: float = 0.3
    sunny_share: float = 0.65
    night_share: float = 0.06
    shadow_share: float = 0.6
    wear: float = 0.35
    worn_out_share: float = 0.05
    gap_share: float = 0.05
    symbol_share: float = 0.14
    repair_share: float = 0.5
    bridge_share: float = 0.14
    lamp_share: float = 0.35
    glare_share: float = 0.14
    wet_share: float = 0.0
    rain_share: float = 0.7
    tunnel_share: float = 0.0
    speed_m_s: float = 25.0
    double_share: float = 0.5
    divider_share: float = 0.22
    fence_share: float = 0.1
    close_share: float = 0.35
    bonnet_share: float = 0.55
    photometric: bool = True

    def __post_init__(self) -> None:
        if min(self.size) < 16 or self.slots < 2:
            raise LanelightError(
                f"RoadConfig: expected a size of at least 16x16 and two slots or more, got {self.size=}, {self.slots=}"
            )
        if self.supersample < 0.5:
            raise LanelightError(f"RoadConfig.supersample: expected 0.5 or more, got {self.supersample}")
        for name, value in vars(self).items():
            if isinstance(value, tuple) and name != "size" and value[0] > value[1]:
                raise LanelightError(f"RoadConfig.{name}: expected (low, high), got {value}")

    @property
    def centre(self) -> tuple[float, float]:
        """Return the principal point, px."""
        width, height = self.size
        row = self.principal_row
        if row is None:
            row = 0.36 if width > 2 * height else 0.5
        return (width - 1) / 2, row * height - 0.5
