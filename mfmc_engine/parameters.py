"""Every number of the engine, with its unit and where it comes from."""

# --- donors ---
POSE_NEUTRAL_PITCH = 0.0  # degrees the generic head reads on a level gaze
DONOR_FOREHEAD_RISE = 0.42  # height of the forehead above the brows, share of the chin-to-eyes distance
DONOR_HAIR_COLOUR = 24.0  # CIE76 distance to the cheeks' colour from which forehead counts as covered; by eye
DONOR_HAIR_SHARE = 0.15  # a source portrait's forehead may be covered by so much; by eye on 120 portraits
DONOR_SIDE_LIGHT = 12.0  # CIE L* by which a source portrait's cheeks may differ; leaves out the worst 5 %
DONOR_EXPECTED_RIDGE = 2.0  # ridge of the expected face's regression, in standardised traits
DONOR_FLOW_ROUNDS = 2  # rounds of dense registration
DONOR_FLOW_SMOOTH = 4.0  # px, Gaussian sigma of the registration's flow
DONOR_FLOW_LIMIT = 4.0  # px, longest registration shift
DONOR_TEXTURE_BLUR = 1.5  # px, Gaussian sigma above which texture is exaggerated
DONOR_TEXTURE_LIMIT = (16.0, 6.0, 6.0)  # CIE L*, a*, b*: where exaggeration flattens; by eye
DONOR_TEXTURE_CHANNELS = (1.0, 0.5, 0.5)  # share of the exaggeration that L*, a*, b* get; by eye
DONOR_DETAIL_BLUR = 2.0  # px, Gaussian sigma below which texture is fine detail
DONOR_DETAIL_SHARE = 0.5  # share of the first portrait in the fine detail
DONOR_SURROUND = 20  # px kept sharp round a donor's face and forehead
DONOR_STRENGTH = (
    1.8,
    2.5,
)  # range of the exaggeration of shape and texture; sqrt(3) restores single faces' spread
DONOR_YEARS = (-10.0, 26.0)  # range by which a donor is aged; portraits are mostly 23 to 36, people in photos are not
DONOR_AGEING_RIDGE = 1e-3  # ridge of the ageing regression: only keeps it solvable
DONOR_DISAGREEMENT = 8.8  # contrast units: sources that differ more leave a ghost brow; the worst 7 %, by eye
DONOR_FRONTAL_YAW = 8.0  # degrees: a donor beyond it counts as turned left or right
DONOR_CLOSED_MOUTH = 0.05  # mouth opening up to which a donor counts as neutral
DONOR_OPEN_MOUTH = 0.09  # mouth opening from which a donor counts as smiling with teeth
# Likeness of portraits that may be mixed: difference in each trait worth one unit of distance.
DONOR_LIKE = {
    "yaw": 4.0,
    "pitch": 5.0,
    "mouth": 0.03,
    "smile": 0.08,
    "eyes": 0.03,
    "age": 5.0,
    "lightness": 7.0,
}
DONOR_LIKE_POOL = 24  # the mixed portraits are drawn from so many nearest
DONOR_MIX = 3  # portraits that give a donor its texture, and as many others its shape
DONOR_QUOTA = {"frontal": 11, "left": 7, "right": 7}  # donors per gender and group, neutral and again smiling
DONOR_LANDMARK_ERROR = 0.06  # a donor on which the 68-point model is farther off (inter-ocular) looks wrong
DONOR_SOURCE_DISTANCE = 0.3  # embedding: least distance of a donor to any portrait (0: a copy)
DONOR_SOURCE_PIXELS = (
    6.0  # of 255: least mean difference inside the face to each portrait mixed, in one shape
)
DONOR_GENDER_SURE = 0.6  # least probability of a source's or donor's labelled gender
DONOR_WEBP_QUALITY = 88  # of 100

# --- attributes ---
AGE_RANGE = (1.0, 95.0)  # years, what an estimate is clipped to
ATTRIBUTE_LOGISTIC_L2 = 0.02  # penalty of the gender and group regressions; flat optimum over 0.005-0.1
ATTRIBUTE_RIDGE_L2 = 0.5  # penalty of the age regression; flat optimum over 0.1-2
ATTRIBUTE_REAL_WEIGHT = 3.0  # weight of a real face beside a synthetic one in the fit

# --- donor selection ---
# Size at which a difference between donor and face becomes plain to see; squared differences add up. By eye.
DONOR_TOLERANCE = {
    "gender": 0.35,  # probability of the other gender
    "group": 0.6,  # 1 - score of the donor's group: soft, skin tone is corrected anyway
    "age": 7.0,  # years
    "yaw": 9.0,  # degrees
    "pitch": 12.0,  # degrees
    "mouth": 0.06,  # inter-ocular distances
    "smile": 0.15,  # inter-ocular distances
    "eyes": 0.08,  # eye aspect ratio
    "skin": 14.0,  # CIE76
}
DONOR_POOL = 0.05  # share of the bank that is drawn from at random
DONOR_POOL_LEAST = 12  # donors drawn from at random, however small the bank
