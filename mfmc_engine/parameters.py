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

# --- attributes ---
AGE_RANGE = (1.0, 95.0)  # years, what an estimate is clipped to
ATTRIBUTE_LOGISTIC_L2 = 0.02  # penalty of the gender and group regressions; flat optimum over 0.005-0.1
ATTRIBUTE_RIDGE_L2 = 0.5  # penalty of the age regression; flat optimum over 0.1-2
ATTRIBUTE_REAL_WEIGHT = 3.0  # weight of a real face beside a synthetic one in the fit
