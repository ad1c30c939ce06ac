"""Every number of the engine, with its unit and where it comes from."""

from typing import Final

# --- imaging ---
# a 50-megapixel PNG is about 100 MiB; larger uploads are not photos of people
MAX_FILE_BYTES: Final = 128 * 2**20
MAX_PIXELS: Final = 100_000_000  # 0.3 GB as RGB; the largest phone sensors save 50 megapixels by default
MIN_SIDE: Final = 16  # px; no face smaller than this can be found, so such a picture has nothing to protect
JPEG_QUALITY: Final = 92  # Pillow's scale; compression artefacts stay below what a viewer sees at 100 %
WEBP_QUALITY: Final = 90  # Pillow's scale, about the same visible loss

# --- detection: CenterFace (Xu et al. 2019) and MTCNN's R- and O-net (Zhang et al. 2016), recall-first ---
# Chosen on the 13 photos of ../shared/data/group_photos, so the recall measured there (`benchmark recall`) is that of
# the data they were fitted to.
# Scale of the finest level. At .6 small faces lose heat: a score of it and the O-net's mean over six looks was twice as
# unsure (negative log likelihood, held out: 22.4 instead of 10.4 upright), of heat alone four times (55.3 and 14.3)
SEARCH_SCALE: Final = 0.8
LEVEL_FACTOR: Final = 0.25  # ratio of neighbouring levels
# px of a level, up to which faces keep a heat of .72 and more: five of t1.jpg and scikit-image's astronaut and three
# portraits, enlarged up to twelve times
CLEAR_FACE: Final = 400.0
MIN_FACE: Final = 20.0  # px of the working image, smallest face looked for
# px, smallest side of what the network is given: faces of 20 px in pictures of 40 px lose their heat in less
ROOM: Final = 128
BAND_MARGIN: Final = 96  # px of a level, multiples of 32: what a band sees beyond its own part
BAND_WHOLE: Final = 640  # px of a level, longer side up to which it is not cut
BAND_LONGEST: Final = 1088  # px of a level; bounds the activations: 0.2 GB for a working picture of 3:2
LARGE_FACE: Final = 24.0  # px of a coarser level, smallest face taken from it; below are its false positives
# CenterFace's confidence, below which nothing was a face but what both other networks take for one: surroundings that
# no photo has (a face cut out and pasted, framed, padded) leave CenterFace cold
LEAST_HEAT: Final = 0.2
COLD_HEAT: Final = 0.05  # the same, from which a whole picture is looked at for those
# The O-net's mean probability and the R-net's from which such a window is a face. Of 45 that reach both in
# ../shared/data/group_photos, seven ways up each, 44 are (15 of people too small to be annotated); of 26 pictures
# without people that come with scikit-image none does
COLD_OPINION: Final = 0.9
COLD_SUPPORT: Final = 0.85
COLD_APART: Final = (
    0.5  # intersection over the smaller box with another face, up to which it is one more; by choice
)
# A closer look at windows that seem to be no faces (detection/closer.py). Of 146 faces of ../shared/data/group_photos
# that were missed behind something drawn before them (an earlier version of evaluation/covers.py) 95 have this much and
# more there, and one window of 143 such photos that is none; from .22 on 102 and four. Looks at one size alone, at 40
# or 60 px, or with less around, tell them apart worse
CLOSER_FACES: Final = (48, 72)  # px, sizes of a face there; times CLOSER_ROOM whole multiples of 32
CLOSER_ROOM: Final = 4  # sizes of a face, side of what is looked at
CLOSER_HEAT: Final = 0.25  # CenterFace's confidence, mean of the looks, from which it is one
# the same where a picture is turned by no quarter: there half-hidden heads in crowds get .32, and the bar on false
# positives has no room for them; 66 of those 95 faces, upright, have as much
CLOSER_HEAT_LEANING: Final = 0.36
CLOSER_FIRST: Final = 0.1  # that of the first look, below which nothing is looked at mirrored; by choice
CLOSER_IOU: Final = 0.4  # with the window, from which what is hot there is the same face; by choice
# Its confidence in the whole picture from which windows are looked at: from .05 on a few faces more are found (at one
# size 105 instead of 102), and windows are twice as many
CLOSER_LEAST: Final = 0.08
CLOSER_PIXELS: Final = 4 * 192**2  # at once on a CPU: one by one they take half as long again
# px of the working image or a tile; none of those faces is smaller, half of the windows in a crowd are
CLOSER_SMALLEST: Final = 14.0
# windows, the hottest, by which it is told which way up people stand of whom most are in doubt; by choice
CLOSER_MOST: Final = 12
HEAT_NMS: Final = 0.4  # IoU over all levels
KNOWN_OVERLAP: Final = 0.7  # intersection over the smaller box from which a candidate is a face found before
SURE_SCORE: Final = 0.99  # O-net probability on two looks, which no false positive reached
TRUSTED_OPINION: Final = (
    0.5  # O-net probability from which its box and points are better than CenterFace's; by choice
)
# The R-net's looks at windows that leave the O-net in doubt, in window sizes
SUPPORT_ZOOMS: Final = (0.75, 0.9, 1.05, 1.25)
SUPPORT_SHIFT: Final = 0.08
# Logistic regression of "is a face" on the log odds of CenterFace's heat and the R-net's mean probability:
# `python -m mfmc_engine.detection.fit ../shared/data/group_photos`, on the doubtful windows of those photos
HEAT_WEIGHT: Final = 3.90
SUPPORT_WEIGHT: Final = 4.87
CHANCE_BIAS: Final = -0.84
# probability; recall first, a missed face is a leak. Chosen on those photos, for at most 0.5 false positives a photo
FACE_SCORE: Final = 0.1
DOUBTFUL_LIMIT: Final = 0.98  # highest score of a doubtful window: below every sure one's
# a larger photo is searched at this size first, then at its own in tiles for the faces that are too small here
WORKING_PIXELS: Final = 4_000_000
TILE_SIDE: Final = 1536  # px; bounds the activations
# Scale of a tile's level. At .6 all 253 faces of the annotated photos keep LEAST_HEAT; at full size no photo of tens of
# megapixels is as sharp as those
TILE_SCALE: Final = 0.6
TILE_SIZES: Final = 1.5  # largest face of the tiles, in sizes of the smallest that the working picture shows
# largest faces that neighbouring tiles share, so that one of them shows a face whole
TILE_OVERLAP: Final = 1.25
# Longer side in shorter ones, above which a picture turned by no quarter is looked at in pieces (detection/pieces.py);
# by choice: up to there its canvas holds three times its pixels
ELONGATED: Final = 4.0
PIECE_MARGIN: Final = 1.0  # shorter sides that a piece sees beyond its own part; hardly a face is larger
PIECE_LEAST_MARGIN: Final = 64  # px of the same; a narrower one shows less of a face's surroundings than ROOM
# margins, length of a piece's own part: at three the canvases of all pieces are smallest, six times the picture
PIECE_OWN: Final = 3
# px, longer side from which the quarter turns are looked at in pieces, too: all levels of a longer one would lie in
# memory at once, 128 px high however narrow it is
PIECE_LONGEST: Final = 16_384
PIECES_AT_ONCE: Final = 64  # bounds that memory; by choice
# degrees of tilt shared by most faces from which the photo is searched again, turned by it
TILT_SMALLEST: Final = 18.0
# the same where most faces are doubtful: the tilts of those that are found fall short of the photo's. 13 upright photos
# have up to 8 degrees, one turned by 30 reads as 14
TILT_SMALLEST_DOUBTFUL: Final = 12.0
# probability, by choice; what was found in a photo before doubtful faces gave its tilt away stays from here on
TILT_KEPT: Final = 0.8
APART_OVERLAP: Final = (
    0.1  # intersection over the smaller box up to which it is away from everybody; by choice
)
# share of sure faces among all, below which people may stand between the quarter turns; 13 upright photos have .55 and
# more, one of profiles turned by 45 degrees .14
UNCLEAR_SHARE: Final = 0.25
# sure faces, up to which the same goes for half of all: upside down a crowd of 19 showed one such among four
UNCLEAR_SURE: Final = 3
TILT_PASSES: Final = 2  # the second where the first shows that the tilt is larger still
TILT_SPREAD: Final = 20.0  # degrees round the median that count as the same tilt
# Finest level of the coarse turned passes: shows large faces only, unless a picture is small
TURNED_SCALE: Final = 0.3
TURNED_SIDE: Final = 256.0  # px, least shorter side of that level and of DOUBTFUL_SCALE's; by choice
# probability; a turned reading has to be sure at first look: in most photos nobody lies on the side, and hands
# upside down reach .97
TURNED_SCORE: Final = SURE_SCORE
# Scale of the finest level where hardly anybody is sure and the photo is searched in the quarter turns once more, and
# halfway between them; what is found there gets a full pass
DOUBTFUL_SCALE: Final = 0.5
# degrees off the nearest quarter turn from which a face stands between two passes (the networks are sure within +-30)
DIAGONAL_ROLL: Final = 30.0

SETTLED_SCORE: Final = 0.999  # probability; such a face is not looked at again in other orientations
# How much surer a turned reading must be than an upright one of the same face. Measured with an earlier
# score, not since: on 304 crops (19 faces of t1.jpg and group_photos, four margins, each in four orientations) 0
# reads 97.4 % of the upright ones right and 96.9 % of the turned ones, 2 reads 100 % and 96.5 %, 4 100 % and 92.1 %.
TURNED_LOG_ODDS: Final = 2.0
# intersection over the smaller box; two answers of different passes are one face
DUPLICATE_OVERLAP: Final = 0.6
# a caller's box and a detection overlapping this much are one face (as in RECALL_IOU)
SAME_FACE_IOU: Final = 0.4
LOCATE_MARGIN: Final = 0.5  # box sizes around a caller's box that are looked at
LOCATE_ZOOMS: Final = (0.8, 1.0, 1.25)  # sizes of a caller's box at which its points are looked for

# --- a face in its box ---
# Measured on faces of 36 px and more of ../shared/data/group_photos, t1.jpg among them, whose boxes are given as they
# are, grown by 20 % or shifted by 15 % of their sides; and on 50 compositions of t1.jpg, one head before another whose
# box overlaps its own by .33 and more.
BOX_CORE: Final = 0.5  # of the half sides: an ellipse in the middle of a box, eyes to mouth of the face in it
# Least share of each quarter of it that a face lies over by its landmarks. But for three boxes shifted up (.67 to .85)
# all of 430 have .91 and more; of five people behind somebody whose landmarks they had got four had .80 and less. A
# face may lie a fifth of its box aside, which boxes drawn by hand do
QUARTER_MARKED: Final = 0.85
# Least share of its pixels that a decoy hides, and of each quarter's. Hair, moustaches and beards are not replaced: of
# the same 430 boxes five fall short. Of the same five decoys four hid .68 and .31 at the most; the other .81 and .60
CORE_COVERED: Final = 0.75
QUARTER_COVERED: Final = 0.5
CORE_OPAQUE: Final = 250  # least alpha of 255 that hides
# Inter-ocular distances on the mean, below which landmarks are one face's: half of one is about 22 px there. In 17 of
# the compositions both had the same, 6 px apart at the most, in the others they lay 15 px apart and more; no two faces
# of group_photos lie nearer than .83 of a side, which is about two of these
SAME_LANDMARKS: Final = 0.5

# --- landmarks ---
# px, side of the upright crop the 68-point predictor works on; finer than its answers
LANDMARK_CROP: Final = 240
# Where dlib's own detector puts its box in the unit face square of landmarks.FIVE_POINTS: median over 150 portraits
# of ../shared/data/synthetic_faces (standard deviations .06 to .09)
LANDMARK_BOX: Final = (-0.08, -0.09, 1.19, 1.17)
# the second lowers the median error on those portraits by 2 %, and mends poor five points
LANDMARK_PASSES: Final = 2
FOREST_BATCH: Final = 256  # faces that torch marks at once; a stage's leaves take 0.27 MB a face

# --- recognition: dlib's ResNet ---
CHIP_SIZE: Final = 150  # px, the network's input (dlib)
CHIP_PADDING: Final = 0.25  # of the face square, on each side (dlib's compute_face_descriptor)
RESNET_MEAN: Final = (122.782, 117.001, 104.298)  # RGB, dlib's input_rgb_image_sized
EMBED_BATCH: Final = 8  # chips at once: the activations stay in a CPU's cache
# px of windows through the O-net at once: 20 of 48 px, whose activations (4 MB) stay in a processor's cache; 64 at once
# take twice as long a window
CROP_PIXELS: Final = 20 * 48**2
# the same on an accelerator, by choice: 2048 windows, whose activations take 1 GB
CROP_PIXELS_CUDA: Final = 2048 * 48**2
TOGETHER_ELEMENTS: Final = (
    3 * CROP_PIXELS_CUDA
)  # numbers that go into a network at once where photos share a batch
EMBED_BATCH_CUDA: Final = 256  # chips at once on an accelerator, by choice: their activations take 0.5 GB

# --- recognition: matching ---
# On ../shared/data/lfw (840 people, baseline.txt) dlib's ResNet accepts 1 % of strangers at .578. A match here can
# disclose a face, so it takes a tenth of that, and less as the gallery grows (guarantee.gallery_threshold).
MATCH_THRESHOLD: Final = 0.51  # Euclidean; 0.1 % of strangers there (.513), the most that any gallery gets
# Euclidean, by choice, not calibrated; two people (or faces) nearer to each other than this are ambiguous
AMBIGUITY_MARGIN: Final = 0.06
MATCH_MIN_QUALITY: Final = 0.15  # Quality.score below which a face is never named, by choice
# Whoever says "that's me" needs to be this near only: 1 % of strangers on ../shared/data/lfw are (.578, baseline.txt),
# but a stranger has to pick that one face out of all, and still be nearer to it than everybody else enrolled.
CLAIM_THRESHOLD: Final = 0.578
# Nobody's word makes a face theirs that is farther from them. Euclidean; the equal error rate on ../shared/data/lfw:
# 5 % of people's own photos lie beyond it and 5 % of strangers within (scripts/claim_limit.py); an honest person has
# several pictures to be near to, so is refused less often than that.
CLAIM_LIMIT: Final = 0.636

# --- recognition: nearest rows ---
NEAREST_BLOCK: Final = 16384  # rows compared at once: 26 MB of distances beside 400 donors
# Share of the squared distance's terms that single precision may be off by: 128 sums of 2^-24 each
NEAREST_SLACK: Final = 1e-5

# --- quality ---
# px, by choice: about what the face fills of the recogniser's 150 px chip
QUALITY_FULL_SIZE: Final = 80.0
QUALITY_FULL_YAW: Final = 90.0  # degrees
# inter-ocular distances between the nose tip and the plane of the eyes; a rough guess, yaw is only rough
NOSE_DEPTH: Final = 0.6
SHARPNESS_FULL: Final = 0.16  # mean absolute Laplacian over standard deviation; by eye on t1.jpg

# --- enrolment: what a picture must be to become somebody's template ---
# The six faces of t1.jpg (106-125 px, sharpness .65-1, yaw to 41) must pass; the astronaut portrait must fail when
# halved (48 px) or blurred by a Gaussian of 2 px (sharpness .44). Light: its face is at 161 (mean, 0-255), at 24
# when darkened to what a phone shows in an unlit room.
ENROLMENT_MIN_SCORE: Final = 0.7  # detector confidence; t1.jpg's least certain face has .98
ENROLMENT_MIN_SIZE: Final = 80.0  # px, sqrt(w * h) of the box: QUALITY_FULL_SIZE
ENROLMENT_MIN_SHARPNESS: Final = 0.5  # Quality.sharpness
ENROLMENT_MAX_YAW: Final = 45.0  # degrees, a three-quarter view; beyond it half the face is missing
ENROLMENT_MAX_ROLL: Final = 45.0  # degrees in the picture's plane; more is a picture that lies on its side
ENROLMENT_BYSTANDER: Final = 0.5  # of the largest face's size; a second face from there on is one too many
ENROLMENT_LIGHT: Final = (45.0, 225.0)  # mean of the face in grey levels (0-255); beyond is night or glare
# Difference between the 95th and 5th percentile of grey over an eye, in greys of the cheek below it. The better eye
# of 148 people of ../shared/data/lfw has .34 and more, but for the one who wears sunglasses: .11.
ENROLMENT_EYE_CONTRAST: Final = 0.25
ENROLMENT_EYE_WINDOW: Final = 0.32  # of an eye's width: half the height of the window over it
ENROLMENT_CHEEK: Final = (
    0.7,
    1.1,
)  # of an eye's width below its middle: the strip of cheek it is compared with
# degrees of Quality.yaw that count as "from the front" and as "turned a little" in the guided captures, by choice
ENROLMENT_FRONT_YAW: Final = 15.0
ENROLMENT_TURNED_YAW: Final = 12.0
# Euclidean; dlib's own "same person", looser than a match because the poses of one's pictures should differ
ENROLMENT_SAME_PERSON: Final = 0.6
CAPTURE_SIDE: Final = 256  # px, side of the aligned crop that is kept of an enrolment picture
# x, y of the side; the crop then reaches from above the forehead to the chin
CAPTURE_EYES: Final = ((0.35, 0.42), (0.65, 0.42))
CAPTURE_MOUTH: Final = (0.5, 0.74)

# --- swapping: the canonical frame ---------------------------------------------------------------------------
CROP_SIZE = 256  # px; side of the donor portraits, about four inter-ocular distances
INTEROCULAR = 64.0  # px between the eye centres in that frame
# (68, 2) px: mean of the 4,000 synthetic portraits' landmarks and their mirror images.
# fmt: off
MEAN_FACE = (
    (55.5, 99.0), (56.4, 118.1), (58.9, 136.9), (62.4, 155.7), (68.5, 173.3), (79.0, 188.7),
    (93.1, 201.8), (109.4, 212.0), (128.0, 215.3), (146.6, 212.0), (162.9, 201.8), (177.0, 188.7),
    (187.5, 173.3), (193.6, 155.7), (197.1, 136.9), (199.6, 118.1), (200.5, 99.0), (68.5, 84.9),
    (77.7, 76.4), (90.5, 74.1), (103.4, 76.2), (115.7, 81.4), (140.3, 81.4), (152.6, 76.2),
    (165.5, 74.1), (178.3, 76.4), (187.5, 84.9), (128.0, 96.0), (128.0, 108.7), (128.0, 121.3),
    (128.0, 134.3), (113.7, 142.2), (120.6, 144.7), (128.0, 147.1), (135.4, 144.7), (142.3, 142.2),
    (83.4, 98.4), (91.4, 93.5), (101.1, 93.9), (109.5, 100.5), (100.3, 102.0), (90.7, 101.9),
    (146.5, 100.5), (154.9, 93.9), (164.6, 93.5), (172.6, 98.4), (165.3, 101.9), (155.7, 102.0),
    (98.7, 164.2), (109.4, 159.4), (120.0, 156.9), (128.0, 158.8), (136.0, 156.9), (146.6, 159.4),
    (157.3, 164.2), (147.0, 174.7), (136.7, 179.8), (128.0, 180.9), (119.3, 179.8), (109.0, 174.7),
    (103.4, 165.2), (119.9, 164.3), (128.0, 164.9), (136.1, 164.3), (152.6, 165.2), (136.3, 169.2),
    (128.0, 170.2), (119.7, 169.2),
)
# fmt: on
FRAME_SCALES = (1e-3, 1e3)  # crop px per photo px that can be a face at all
WINDOW_ROOM = 10.0  # px round what a swap replaces that its light, skin and seam are worked out on
WINDOW_STEP = 8  # px, the coarsest reduced resolution that fields are worked out at
CROP_AREA_REDUCTION = 1.5  # photo px per crop px above which the photo is area-averaged before cropping

# --- swapping: the mesh --------------------------------------------------------------------------------------
MESH_FOREHEAD_SHARES = (
    0.45,
    0.9,
)  # of the brow-to-nose-base length above the brows; the second meets the hairline
MESH_RING_SCALE = 1.3  # a ring of points outside the face, so that its edge bends smoothly
MESH_FAR_CORNER = 4.0  # in brow-to-nose lengths; the triangles out there only fill the crop
MESH_BROW = 6.0  # px below dlib's points where a brow ends and skin begins
MESH_BROW_SHARE = 0.5  # of the way to the middle of the eye, where that is less
MESH_SMALLEST_AREA = 0.02  # px^2 (twice the area); a triangle smaller than that is not drawn
SHAPE_LARGEST_SHIFT = 8.0  # px that a part of the face moves at most toward the donor's place for it
# Of the share of their place and size that noses and eyes take over from a donor's. Mouths take none: theirs moved
# landmarks most, and no recogniser saw a difference (88 people of LFW, the same donors). Twice the share of noses, eyes
# or brows each made decoys .003 to .006 less like the person to MobileFaceNet (cosine); with brows landmarks moved more
SHAPE_BROWS_SHARE = 0.5
SHAPE_BROWS = (-1.5, 3.0)  # px that brows come down or go up beside the eyes: more is a frown, or surprise
SHAPE_TURN = 0.2  # inter-ocular distances of nose offset, about 18 degrees of yaw: shape mixing falls to 1/e
SHAPE_SCALES = (0.85, 1.18)
SHAPE_LARGEST_SHARE = 1.4  # of the difference; more makes strange faces, by eye
# Euclidean distance foretold to be missing for which a whole share is added. A whole share gains about SHAPE_GAIN, so
# this makes up for a seventh of it; to make up for all of it moved landmarks by 5.8 % of the eyes'
# distance instead of 4.6 when mouths still moved
SHAPE_DISTANCE = 0.3
MESH_MAP_BLUR = 1.5  # px, rounds the kinks at triangle edges

# --- swapping: eyes -------------------------------------------------------------------------------------
# Gaze, in widths of an eye; contrast in shares of its white
IRIS_HALF = 0.2  # half an iris: 12 mm of an opening of 30
GLANCE_ROWS = (0.15, 0.85)  # between the lids; beyond are lashes and their shade
GLANCE_RIM = 0.08  # beside the corners
GLANCE_CONTRAST = 0.08
GLANCE_APART = 0.15  # between both eyes
TURN_LEAST = 0.04  # nobody sees less
TURN_LARGEST = 0.22
TURN_RIM = 0.03  # of white that is left beside a turned iris
LIDS_LEAST = 0.3  # of a donor's eye that is seen at least between narrower lids; less is a shut eye
LIDS_MEET = (
    0.6  # where lids meet, from the donor's upper (0) to its lower one (1): the upper one comes down more
)
TURN_FEATHER = 2  # px beyond the lids
# Eye aspect ratio by the landmarks from which the network for lids is asked, and what it then calls shut or lowered. Of
# 2,130 photos of lfw 537 are that narrow, and it calls 37 of these shut
NARROW_OPENING = 0.25
SHUT_OPENNESS = 0.209
# What is shut whatever else is seen. Above it eyes are open that show an iris in their middle, to so many eye widths:
# nine of the 37, of which five are open, two lowered, one shut, one not to be told; in linzaer_tf.jpg five of eleven,
# all open
SURELY_SHUT_OPENNESS = 0.12
SHUT_GLANCE = 0.1
PLAINLY_OPEN: Final = 0.25  # of eyes that are not mirrored; none that is shut has more than .233
EYELIDS_SIDE: Final = 64  # px, the network's input (architecture)
# Widths of an eye that it shows. Published are 2.3; with more around, who looks down is told better from who laughs
EYELIDS_ZOOM: Final = 2.6
# Lids that are drawn shut, all by eye; along an eye and across it in its widths, see eyes.Lids
LID_BEYOND = (-0.25, 1.75)  # along: what a squeezed eye and the folds beside it smear over
LID_SMEAR = (0.46, 0.32)  # across: the same, above the line that lids meet in and below it
LID_BROW = 2  # px round the hair of a brow that are its own
LID_AROUND = 13  # px round the smear from which lids take their skin
LID_DOUBT = 1e-3  # weight of what is hardly skin there, were there nothing else
LID_SIGMAS = (5.0, 12.0)  # px, over which that goes on into it
LID_FEATHER = 2.0  # px
# Their shading (swapping/lid_fit.py)
LID_SAMPLES: Final = (40, 68)  # rows and columns
LID_ALONG: Final = (-0.5, 1.6)  # of the first column and the last
LID_ACROSS: Final = (0.7, -0.55)  # of the first row and the last
LID_GAIN = 1.3  # a mean of many is flatter than each
LID_SHARPENING = 2.5  # and softer: times what is finer than LID_FINE samples
LID_FINE = 2.0

# --- swapping: noses that stand out over the far cheek, px of the crop ------------------------------------------------
# By eye. Of 1,774 faces (two photos each of LFW's people, group_photos) seven have so narrow a far cheek; the landmarks
# of two of these are moved, by 6 to 8 px, both rightly. The others' edges lie nearer than 3 px or go on below the nose
SILHOUETTE_REACH = (
    -1.0,
    12.5,
    0.5,
)  # first, last and step of the distances outward from the ridge that are looked at
SILHOUETTE_PLACES: Final = 13  # down it
SILHOUETTE_HALF = 1.5  # to either side of an edge
SILHOUETTE_SLANT = 5.0  # by which its distance may change from the top to the tip
SILHOUETTE_EDGE = 6.0  # CIE76 across it, on the mean, from which it is plain
SILHOUETTE_LEAST = 4.0  # beyond the ridge; nearer it is where landmarks say
SILHOUETTE_BELOW = (0.35, 0.75)  # of the way from the nose's base to the lip: where it must recede
SILHOUETTE_REACH_BELOW = (-4.0, 24.0, 0.5)
SILHOUETTE_RECESS = 5.0  # by so much beside the tip
SILHOUETTE_INSET = 1.0  # that the ridge lies inside it
SILHOUETTE_BASE = (
    0.7,
    0.35,
)  # of the way that the tip goes that the far wing's end and the middle below it go

# --- swapping: mouths open wider than the donor's ---------------------------------------------------------------
# px between the inner lips below which they are shut, as donors' are (DONOR_CLOSED_MOUTH); by eye
LIPS_SHUT = 3.2
# times their own size that teeth may be drawn in: where a mouth shows none, some above a cavity, or nothing else
TEETH_GROWTH = (0.0, 1.25, 2.0)
CAVITY_TONE = (
    0.22,
    0.55,
)  # of the lips' colour below teeth: under the upper ones, and at the lower lip (the tongue); by eye
LIP_SIGMAS = (2.0, 6.0)  # px, over which lips go on where edges of teeth were
CAVITY_FEATHER = 0.8  # px
LINE_TONES = (0.4, 0.7)  # range of the brightness of the line in which lips meet, share of the lips'; by eye
LINE_REACH = 3  # px beside landmarks that it is looked for
LINE_WIDTH = 1.5  # px, beyond the opening that landmarks find; by eye
LINE_POINTS = 16  # that it is drawn through
TEETH_LENT = 0.5  # share of the opening; donors that show less of teeth borrow somebody's
SMILE_BROAD = 0.14  # inter-ocular distances between the inner lips of those who lend
TEETH_LIGHT = 4.0  # px of the half-size image over which light is smooth where teeth are looked for
TEETH_QUANTILE = 0.8  # of the brightness between the lips, log ratio to the light on skin,
TEETH_SEEN = -0.3  # beyond which teeth show; by eye on 162 open mouths of LFW
# A mouth from lip to lip full of teeth has no layer much darker than skin, by eye on 277 open mouths of LFW
TEETH_LAYERS: Final = 5  # from the upper to the lower lip
TEETH_MIDDLE = (0.25, 0.75)  # of the way from corner to corner
TEETH_DARKEST = -0.25  # log ratio to the light on skin

# --- swapping: fields ----------------------------------------------------------------------------------------
BLUR_LARGEST_DIRECT_SIGMA = 3.0  # px; wider Gaussians run on a reduced image (error < 1/255 on faces)
EXPONENT_LEAST = -80.0  # of e; floats have all of their digits down to -87
SPREAD_PRIOR = 0.02  # weight of the wider estimate in a normalised convolution
LUMA = (0.299, 0.587, 0.114)  # Rec. 601

# --- swapping: how skin's chroma goes along with its brightness (log units) ---------------------------------------
TONE_OFFSET = 0.06  # of full scale; keeps noise in dark channels from exploding in the logarithm
TONE_STEPS = 24  # of log luma at which it is known, .12 apart
TONE_FINE = 1024  # steps that it is looked up at: finer than grey levels
TONE_EVERY = 2  # px of the half-size image of which one is read
TONE_SMOOTH = 1.0  # steps, standard deviation
TONE_SPREAD_PRIOR = 0.1  # squared steps; where pixels spread less, the curve has no slope
TONE_STEEPEST = 0.15  # change of chroma a step; a wall of another brightness is no shaded skin
TONE_PRIOR = 0.005  # share of the skin from which a step is believed
TONE_REACH = 1.0  # steps over which the others are asked where there is less
SKIN_TONE_ELSEWHERE = 0.1  # weight of the face beside the seeds when the curve is read
SKIN_TONE_ROUNDS = 2
SKIN_TONE_SPREAD = 0.12  # chroma beside the curve from which a pixel stops to shape it

# --- swapping: outlines of the face's parts (px of the canonical frame, 64 px between the eyes) ---------------
REGION_FOREHEAD = 34.0  # how far above the brows a swap may reach
EYE_MARGIN = 1.5
BROW_ABOVE = 5.0  # dlib's brow points lie on the brow's upper edge
BROW_BELOW = 6.0
BROW_HAIR_BELOW = 5.0
MOUTH_MARGIN = 2.0
CORE_MARGIN = 3.0
CORE_EYE_MARGIN = 8.0
CHEEK_SLIVER = 0.2  # of the nearer cheek's area up to which the farther one may be background; by eye
FAR_SIDE_ROOM = 3  # px round that
CHEEK_SHRINK = 0.6  # share of the cheek polygon that seeds the skin colour
JAW_INSIDE = 6.0

# --- swapping: skin colour model (log units unless stated) -----------------------------------------------------
SKIN_PRESMOOTH = 0.7  # px of the half-size image, like all the skin model's widths
SKIN_SEED_ROUNDS = 2
SKIN_GROW_ROUNDS = 2
SKIN_CHROMA_SPREAD = (0.10, 0.20)  # smallest and largest standard deviation
SKIN_FREE_DISTANCE = 3.0  # squared Mahalanobis distance that still counts as certain
SKIN_WIDE_SIGMAS = (20.0,)  # px, first guess of the light and tint on the face
SKIN_LOCAL_SIGMAS = (8.0, 20.0)  # px, the grown one: follows side light and coloured light
SKIN_FARTHEST_CHROMA = 0.30
SKIN_CHROMA_SOFTNESS = 0.025
SKIN_SEED_TOLERANCE = (0.5, 0.5)  # how much darker / brighter than expected skin may be
SKIN_DOUBT = 0.3  # likelihood below which a pixel says nothing about the light
SKIN_TOLERANCE = (0.47, 0.55)  # darker than exp(-0.47) = 0.63 of the light around: hair, frames, beard
SKIN_LIGHT_SOFTNESS = 0.05

# --- swapping: mask (px of the canonical frame) ----------------------------------------------------------------
MASK_INSET = 3  # the mask starts this far inside the jaw contour
MASK_FEATHER = 3.0  # standard deviation of its soft edge
MASK_SMALLEST = 1 / 255  # alpha below one grey level is nothing
CORE_INSET = 4  # the core stays this far inside the face region: dlib's brows can leave the face
CORE_FEATHER = 2.5
MOUSTACHE_BELOW_NOSE = 3.0
MOUSTACHE_ABOVE_LIP = 0.5
MOUSTACHE_LIGHT = 9.0  # px of the half-size image over which light is smooth: more than a moustache is high
MOUSTACHE_DEPTH = (0.15, 0.35)  # log units darker than the light from which it is hair, and certainly so
MOUSTACHE_COVERED = (
    0.5,
    0.75,
)  # share of either end from which it is a moustache: on 305 LFW faces men, but for one
MOUSTACHE_FEATHER = 1.5
# px of the half-size image over which light on the upper face is carried downward
BEARD_LIGHT = (9.0, 24.0, 48.0)
# Log units darker than that light from which it is dense hair, and certainly so: shade is less
BEARD_DENSE = (0.5, 0.85)
# Share of either side of the chin that dense hair covers, from which it is a beard: of 149 faces of seven group photos
# and t1.jpg, looked at once, the first without one, in a shade, has .24
BEARD_COVERED = (0.26, 0.34)
BEARD_DEPTH = (0.2, 0.5)  # as BEARD_DENSE, of the hair of those who wear one
OCCLUDER_SMOOTH = 1.5
# "not skin" likelihood at which something starts to be in front of the face, and at which it certainly is
OCCLUDER_LOW, OCCLUDER_HIGH = 0.35, 0.65
OCCLUDER_RIM = 10  # an occluder must reach at least this close to the region's border
GLASSES_ABOVE = 28.0  # px above the eyes' middles that glasses are worn up to
GLASSES_BELOW = 28.0  # px below them
GLASSES_REACH = 1.0  # distances between the eyes to either side: past the ears
OCCLUDER_STEPS = 24  # growth steps of four px

# --- swapping: eyewear, px of the crop ------------------------------------------------------------------------------
# Probability that nothing is worn, up to which something is. Of the half of LFW that taught nothing, 127 of 164 photos
# of people in clear glasses are told, all 16 in dark ones, and four of 861 in none
EYEWEAR_DOUBT: Final = 0.5
# Probability of either kind from which it is drawn: black discs on somebody who may wear none are seen at once
EYEWEAR_KIND: Final = 0.45
# Half the width and height of an eye, and how much of one lenses hide that nobody sees through
EYEWEAR_EYE = (14.0, 9.0)
EYEWEAR_EYE_HIDDEN: Final = 0.36
EYEWEAR_SURE: Final = 0.3  # share of a pixel from which on it is a part of them
EYEWEAR_EDGE: Final = 0.8  # px over which a lens ends
# Share of a pixel that the network gives to frame or lens, up to which it has none and from which on all of it
EYEWEAR_LEAST, EYEWEAR_MOST = 0.15, 0.8
EYEWEAR_LIGHT: Final = 4.0  # px of the half-size image: the light frames are seen in
EYEWEAR_FRAME: Final = 4.0  # over which a frame has one colour
EYEWEAR_LENS: Final = 6.0  # over which a lens has
EYEWEAR_ROOM: Final = 4  # px round eyewear that what the person wears may reach beyond what is drawn of it

# --- swapping: what stands before a face (log units unless stated) ------------------------------------------------
# px of the half-size crop (32 px between the eyes) that a colour is the median within
COVERED_RADIUS: Final = 2.9
COVERED_OFFSET: Final = 0.03  # added to pixels in [0, 1], so that black has a logarithm
COVERED_UNITS: Final = (0.2, 0.6)  # of chroma, of luma: about what skin's shade and lips make out
COVERED_LONGEST: Final = 2.0  # of these units, the longest difference that counts, gained gradually
# Log-odds from which a face is redacted. Held out by person, 6 of LFW's 2,116 bare faces lie beyond: a profile whose
# landmarks lie beside it, mittens beside a mouth, an odd shadow, heads in green or orange light
COVERED_ODDS: Final = 4.8
# Share of a face's features that another face may hide, by sizes and outlines, for it to be swapped
BEHIND_MOST: Final = 0.1

# --- swapping: light and colour --------------------------------------------------------------------------------
# px of the half-size image over which light is smooth: what is coarser on a decoy is the photo's, what is finer the
# donor's. Over 4 px it has the relief of the person's own face: with the same donors on 83 people of LFW MobileFaceNet
# sees .018 more likeness to another photo of theirs (cosine; `python -m mfmc_engine.calibration.likeness`), over 9 px
# .003 less, but decoys look .3 years younger
LIGHT_SIGMA: Final = 7.0
# The same where the photo's skin is brighter by this light than by the other: without that, skin is mat (.88 of the
# photo's contrast in lightness is kept on these people, with it .93). Over 3 px highlights tell more of the person
SHINE_SIGMA: Final = 4.0
LIGHT_WIDE_SIGMAS = (10.0, 24.0)  # the same, to fill in where the finest light knows nothing
TINT_INSET = 1  # px of the half-size image
LIGHT_DARKEST = 1e-3  # of full scale
TINT_SIGMAS = (7.0, 24.0)  # px of the half-size image: over so much the tint of skin is smooth
LIGHT_OFFSET = 0.05  # of full scale; tames ratios in near-black channels (strongly tinted photos)
CONTRAST_GAIN = (0.6, 1.35)
# Gain of a donor's folds and wrinkles over that of its features, as far as the photo's own are deeper; with 1 at most
# decoys look .2 years younger
SKIN_CONTRAST = (0.45, 1.2)
# Share of their contrast that folds lose on turned faces, and degrees of yaw over which; by eye (t1.jpg)
TURNED_FOLDS_LOST = 0.6
TURNED_FOLDS_YAW = (15.0, 35.0)
CHEEK_FEATHER = 3.0  # px between the two gains
FINE_SIGMA = 5.0  # px; what is finer on skin is no stronger than the photo's own
# px of the half-size image over which that is measured, the second where there is no skin
FINE_AROUND = (6.0, 18.0)
FINE_EXCESS = 1.5  # times the photo's own that it may be
FINE_LEAST = 0.35  # share of a donor's that is left of it in any case: the photo may be out of focus
# A decoy foretold to look younger than the person keeps some of their own folds: nobody in the bank is over 60
FOLDS_SIGMA = 4.0  # px; what is finer on skin counts as a fold or a pore
FOLDS_FROM = 4.0  # years younger from which folds are kept
FOLDS_YEARS = 10.0  # years beyond over which the share rises to the largest
FOLDS_LARGEST = 0.42  # more would be recognised: MobileFaceNet minds folds more than dlib does
FOLDS_DISTANCE = 0.05  # Euclidean, by which a decoy with all the folds lies nearer (160 first swaps on LFW)
# Colour of a donor's skin that does not go along with light, log ratio: deviations of the photo's own skin that it may
# reach, and the least and largest of these bounds; by eye
CAST_DEVIATIONS = 2.0
CAST_LARGEST = (0.03, 0.12)
# The same of how much darker than its light clear skin may be
SHADE_DEVIATIONS = 3.0
SHADE_LARGEST = (0.15, 0.35)
CLEAR_ROOM = 5  # px round brows, eyes, lips and nostrils where skin is not clear of them
# Brightest a decoy gets: what the photo's skin reaches within REACH px of the half-size image
CEILING_SMOOTH = 1.0  # px of the half-size image; noise sets no ceiling
CEILING_CERTAIN = 0.25  # certainty of skin that may set the ceiling
CEILING_REACH = 8  # px of the half-size image
CEILING_FEATHER = 4.0  # px of the half-size image
CEILING_DEVIATIONS = 1.6  # standard deviations over the mean, where no bare skin is near: about 95 %
RIM_WIDTH = 9  # px inside the region's border in which what is not skin may darken the decoy
RIM_FEATHER = 2.0  # px
RIM_EXCESS = 0.15  # log ratio to the photo from which it does; at twice that wholly
CEILING_KNEE = 0.94  # share of the ceiling from which brightness bends
TINT_RANGE = 0.5  # log units of light over which the tint of shadows is fitted
TINT_PRIOR = 0.002  # squared log units
TINT_LARGEST = 0.6
COLOUR_GAIN = (0.0, 1.2)
DETAIL_FLOOR = -2.2  # log ratio to the light around, the darkest detail
SKIN_HIGHLIGHT = 0.10  # log ratio that skin reaches at most over its smooth light
SHINY_HIGHLIGHT = 1.0  # the same of eyes and teeth
HIGHLIGHT_KNEE = 0.90  # of full scale, where highlights begin to bend
TEETH_REACH = 3  # px round the open mouth
TEETH_TONE = -0.12  # log ratio to the light on skin above which a lip is a tooth
PART_FEATHER = 1.5  # px
PART_ROOM = 8  # px worked on round a part, more than its soft edge and TEETH_REACH take
PART_CONTRAST = 0.05  # log units a part must at least be darker than skin for its contrast to be scaled
DARKENED_CONTRAST = 1.2  # loss of contrast per log unit that an open mouth is darkened
PART_SMALLEST = 12.0  # px^2; a shut mouth has no inside to take a tone from
# shares of the photo's own colour and lightness, and the largest change (log units)
LIPS_SHARES = (0.8, 0.5, 0.5)
BROW_REACH = 3  # px round dlib's strip that still belong to a brow
BROW_NEUTRAL = 0.85  # share of a donor brow's own colour that is dropped
LIP_LIGHTER = (0.08, 0.2)  # log ratio of a lip to the photo's from which it is shifted, and wholly
BROWS_SHARES = (0.8, 0.85, 0.65)
EYES_SHARES = (0.4, 0.7, 0.3)
# Luma of skin, of full scale, on which irises are darkened wholly, and from which on not at all: in the middle of faces
# of LFW half of 49 black people have less than .46, of 46 white ones less than .58 (looked at once). What is darkened
# makes two decoys of one person a little more alike: up to .56 MobileFaceNet linked 1.03 points more of them (bar 1)
IRIS_SKIN = (0.42, 0.50)
IRIS_DARKER = (1.1, 0.9)  # share of the photo's own darkness, and the largest change (log units)
IRIS_COLOUR = (0.9, 0.35)  # the same of its colour
IRIS_FEATHER = 1.2  # px
INNER_MOUTH_SHARES = (0.8, 0.7, 0.9)
SEAM_SIGMA = 6.0
SEAM_PRIOR = 0.02
SEAM_LARGEST = 0.25  # of full scale, difference in a channel that is carried into the decoy
HUE_SIGMA = 5.0  # px, over which a decoy's skin takes the hue of the photo's
HUE_PRIOR = 0.1

# --- swapping: texture -----------------------------------------------------------------------------------------
BAND_SIGMAS = (0.8, 1.6, 3.2)  # px
BAND_NOISE_SHARES = (1.0, 0.45, 0.25)  # standard deviation of white noise in each band, the first being 1
GRAIN_LARGEST = 8.0  # grey levels, standard deviation
GRAIN_SMALLEST = 40  # px of cheek to read grain off
BAND_GAIN = (0.1, 1.12)  # more would draw halos

# --- swapping: blotches -----------------------------------------------------------------------------------------
BLOTCH_REDUCTION = 4  # px of the crop a pixel that patches are looked for in: pores and wrinkles are none
BLOTCH_DEVIATIONS = 2.0  # root mean squares of the photo's own skin that a decoy's may depart by
BLOTCH_LEAST = (0.10, 0.05)  # log units of brightness and of hue that it always may; by eye

# --- swapping: placing and redaction -----------------------------------------------------------------------------
BARRED_FEATHER = 2.0  # px of the crop
CROWN_WIDTH = 1.3  # of the jaw, that a head with its hair is
CROWN_HEIGHT = 1.0  # of brows to chin, that it reaches above the brows
# Noise and calm are the least tried by which what is left of the colours tells 400 of ../shared/data/lfw apart no
# better than a mosaic of 36 shuffled cells does (`python -m mfmc_engine.calibration.redacted`); the rest by eye
REDACTION_GROWTH = 1.25  # of the half sides of box and landmarks
REDACTION_FEATHER = 0.35  # of the axes, outside what is hidden wholly
REDACTION_SKIN = 0.7  # of the axes, within which the face's colour is read
REDACTION_CENTRE = (
    0.35  # of the axes, up to which it is all there is; from there it turns into what is around the head
)
REDACTION_AROUND = (
    1.2  # of the axes, up to which the colours around the head are read: hair rather than background
)
REDACTION_CALM = 0.5  # how far these are drawn toward the face's colour
REDACTION_AROUND_NOISE = 20.0  # grey levels, standard deviation of each of the series' terms
REDACTION_NOISE = 15.0  # grey levels, standard deviation of the face's lightness
REDACTION_TINT = 3.0  # grey levels, standard deviation of each of its channels
REDACTION_DRAWS = 8  # at most, while a recogniser takes what is left for the face: 1 in 130 does on LFW
REDACTION_RIDGE = 0.02  # of the number of pixels, the prior on all terms but the mean

# --- guarantee (Euclidean distances of dlib's ResNet) ---------------------------------------------------------------
# On ../shared/data/lfw 1 % of strangers lie nearer than .578 and 3 % nearer than .616 (baseline.txt).
ORIGINAL_THRESHOLD: Final = 0.60  # the promise toward the replaced face
# what redraws aim for, so that other photos of the same person are rejected too
ORIGINAL_PREFERRED: Final = 0.695
# By how much less toward faces of a group whose strangers lie nearer. As large a share as of LFW's white men within the
# former lies of its black men within .638, of asian men within .658 or .673, by which photo of each is taken, of the
# few women of either nearer still or about as near (`python -m mfmc_engine.calibration.strangers`, "wishes").
# Without it two thirds of black people got decoys of another group: few donors of their own are as far as that.
WISH_NEARER: Final = {"asian": 0.037, "black": 0.055, "latino": 0.0, "white": 0.0}
# Share of strangers that lie within the threshold of anybody in a gallery, whatever its size. By choice: so that
# MATCH_THRESHOLD holds up to 50 templates.
FALSE_IDENTIFICATION_RATE: Final = 0.05
# Lower tail of the distances between strangers, P(distance < t) = RATE * (t / DISTANCE) ** EXPONENT for t <= DISTANCE:
# Hill (1975) fit to the closest .05 % of 2,265,645 pairs, see `python -m mfmc_engine.calibration.strangers`
STRANGERS_TAIL_RATE: Final = 5e-4
STRANGERS_TAIL_DISTANCE: Final = 0.4951
STRANGERS_TAIL_EXPONENT: Final = 20.4
DECOYS_THRESHOLD: Final = MATCH_THRESHOLD  # two decoys of one photo must not pass for one person
# What redraws aim for toward the same person's decoys in other photos. Decoys keep a person's pose, age and outline, so
# those of one person look alike by chance more often than those of two; of pairs beyond .66 MobileFaceNet, which takes
# no part in drawing, accepts as many as of strangers of one gender and group (1,200 pairs of LFW decoys).
APART_PREFERRED: Final = 0.72
# Of decoys that keep the promise, looks and wish are weighed in one unit: 1 is plain to see. What redraws aim for
# toward the face makes other photos of the person safe too, so it weighs heavily. That toward the decoys elsewhere is
# lost once it is missed by far (recognisers accept the pair either way), so it weighs no more then. Chosen on the
# second photos of 100 people of LFW (`python -m mfmc_engine.calibration.unlinkability`), so that decoys of one person
# are linked no more often than two people's.
WISH_ORIGINAL: Final = 0.010  # Euclidean, missing toward the face
WISH_APART: Final = 0.08  # Euclidean, missing toward the decoys elsewhere, from which the wish is lost
WISH_LOST: Final = 12.0  # what that costs
LOOKS_UNLIKE: Final = 20.0  # selection.mismatch beyond the best donor's
LOOKS_SHAPE: Final = 0.6  # share of the donor's shape beyond the first draws'
LOOKS_DARK: Final = 0.03  # log units, appearance.blotches of brightness
LOOKS_HUE: Final = 0.02  # the same of hue
LOOKS_GLASSES: Final = (
    3.0  # what it costs to lose the person's glasses: by choice; of 55 wearers 33 keep them, at 1.5 27
)
LOOKS_SHADES: Final = (
    6.0  # the same of dark ones: eyes nobody has seen, and an arc of the frame over the brows
)
LOOKS_MOVED: Final = 0.070  # inter-ocular distances that landmarks found on the decoy lie off, mean
LOOKS_MOUTH: Final = (
    0.045  # inter-ocular distances that its mouth is open more or less: the bar for nine in ten
)
# What a decoy seems decides between those tried and draws no more of them (that took 16 % more donors on 94 photos of
# LFW and kept no more). Both by reason, not tuned.
LOOKS_GENDER: Final = 0.32  # probability of a gender by which a decoy differs
LOOKS_AGE: Final = (
    5.5  # years by which it seems older or younger; the estimate spreads a third as far as real ages
)
# One row a round: (share of the donor's own spacing and size of the parts, donors tried at once for each face, what
# looks and wish of a decoy may cost to be taken after it). The first draws look most like the photo; later ones give up
# the person's spacing to get away from them. Two donors in one batch cost far less than two rounds.
DRAW_ROUNDS: Final = (
    (0.48, 1, 1.6),
    (0.48, 2, 2.0),
    (0.7, 3, 3.2),
    (1.1, 4, 5.0),
    (1.4, 4, 5.0),
)
# Draws that are foretold to be in vain are left out: donors are swapped in only if the chance is at least so much that
# they are taken. Of draws of 120 photos of LFW half had less; a tenth of those whom the first six had done lost them.
DRAW_CHANCE: Final = 0.12
LIKELY_CHANCE: Final = 0.3  # from which on donors are drawn in the order of fit
# What of a decoy's looks is not known before it is swapped in: the cost of patches, on one face much the same for all
# its donors (from face to face .45, from donor to donor .15), and of misfit, which nothing foretells (measured by
# calibration.prospects)
USUAL_BLOTCHED: Final = 0.45
USUAL_MISFIT: Final = 0.5
# From this round on donors of last resort are drawn, too; in it, and later if nothing keeps the promise, whatever
# chance they have
RESORT_ROUND: Final = 4
REDRAW_ROUNDS: Final = sum(
    at_once for _, at_once, _ in DRAW_ROUNDS
)  # donors tried for one face before it is redacted
# One more round for faces of which the mesh network is sure and no decoy of which keeps the promise: in a crowd others
# have given up donors that would do. None of 1,740 faces of ../shared/data/lfw gets here. On what is no face, or hardly
# one, more draws would find an ugly swap.
SPARE_ROUND: Final = (*DRAW_ROUNDS[-1][:2], float("inf"))
# Rounds whose decoys wear the person's glasses: they are seen by recognisers, too, dark ones even more. With clear ones
# in a third round MobileFaceNet names 1.01 % of LFW's decoys (bar 1). But without dark ones decoys have eyes that fit
# nobody's brows, so their wearers rather bend farther out of shape.
GLASSES_ROUNDS: Final = 2
SHADES_ROUNDS: Final = 4
# Donors considered in the order of fit before those that are foretold to be farthest from the person; as many of these
FIT_FIRST: Final = 8
LAST_RESORT: Final = 24
# Euclidean, that such a decoy must be foretold to be farther for seeming plainly older, younger or of another gender
LAST_RESORT_SEEMING: Final = 0.015
VERIFICATION_VIEWS: Final = 3  # original landmarks, mirrored, landmarks found anew
VERIFICATION_MARGIN: Final = 0.8  # of the landmarks' extent around them: more than a recogniser's crop sees
SWAP_MIN_SIZE: Final = 24.0  # px, smallest face that is swapped; a mesh on fewer pixels is a smear
SWAP_MAX_YAW: Final = 62.0  # rough degrees; beyond, half of the landmarks are guesses
DOUBT_STEP: Final = 0.06  # inter-ocular distances that landmark searches start apart
# Inter-ocular distances. Of 105 faces of ../shared/data (group_photos, lfw) and t1.jpg the 13 that are profiles, fists
# or cloth have .030 and more, the others .024 and less; eight searches instead of three part them no better.
SWAP_MAX_DOUBT: Final = 0.028
# The same from which the mesh network is asked whether there is a face: 32 of 802 (group_photos, 600 photos of lfw)
# that are in no more doubt. The two that it denies and finds nowhere, a profile and a sliver of a face, have .020 and
# .023
SWAP_SOME_DOUBT: Final = 0.018
# Where landmarks are in doubt: MediaPipe's mesh network. Of 43 such faces among 1,280 of ../shared/data/lfw it is sure
# of 34 (probability .94 and more), the others it gives .52 and less; it is sure of clasped hands (linzaer_11.jpg), too,
# whose detection scores .89
FACEMESH_SIDE: Final = 192  # px, the network's input (architecture)
FACEMESH_ZOOM: Final = 1.5  # face boxes that it shows (published value)
FACEMESH_PASSES: Final = 2  # from the box, then from the mesh: as in MediaPipe's tracking
FACEMESH_STARTS: Final = ((0.0, 0.0), (0.08, 0.0), (-0.08, 0.0), (0.0, 0.08))  # box sizes off
FACEMESH_PRESENCE: Final = 0.8  # probability
FACEMESH_APART: Final = 0.02  # box sizes between what searches from there find; by choice
FACEMESH_SCORE: Final = 0.95
# degrees; of five heads farther turned (group_photos) none got a decoy that keeps the promise, or looks as natural as
# a head out of focus
FACEMESH_MAX_YAW: Final = 45.0
SWAP_MAX_MISFIT: Final = 14.0  # px of the canonical frame, RMS of the inner landmarks against the mean face

# --- photos at once on an accelerator (by choice: no card was at hand, see docs/gpu.md) ------------------------------
BATCH_PHOTOS: Final = 16  # photos that go in lockstep
BATCH_PIXELS: Final = 48_000_000  # of those photos together: networks and swaps hold some 100 bytes a pixel
# s that a photo is held back at most while the device is idle and others are under way; in .02 s too few of 50 posts
# come (manage.py benchmark_posting)
BATCH_WAIT: Final = 0.1
# Networks captured as CUDA graphs (batching/launching.py), by choice: small batches, which take longer to launch than
# to run; larger ones are launched as they are
GRAPH_ROWS: Final = (4, 16, 64, 256)  # windows or chips that a batch is padded to
GRAPHS_KEPT: Final = 64  # sizes of one network; each holds its batch and its answers, some tens of MB
GRAPH_WARM_UPS: Final = 3  # runs before a capture, as PyTorch's documentation has it
LAUNCH_PAYS: Final = (
    1.05  # times as many photos a second, from which another way of launching is worth its start
)
BATCH_RECORDS: Final = 10_000  # last batches and photos that the front remembers for its figures

# --- memory ---------------------------------------------------------------------------------------------------------
HEAP_BLOCK: Final = 32 * 2**20  # bytes, largest block that stays on the heap (glibc's maximum)
HEAP_KEPT: Final = 256 * 2**20  # bytes of free heap that are kept
HEAPS: Final = 1  # that threads share

# --- identities that nobody has (donors/identities.py) ---
IDENTITY_SHRINKAGE: Final = (
    0.1  # share of the diagonal in the spread of donors; some 400 rows for 128 dimensions
)
IDENTITIES_DRAWN: Final = 400  # for one face to choose among: as many as the bank has donors

# --- donors ---
POSE_NEUTRAL_PITCH = 0.0  # degrees the generic head reads on a level gaze
DONOR_FOREHEAD_RISE = 0.42  # height of the forehead above the brows, share of the chin-to-eyes distance
DONOR_HAIR_COLOUR = 24.0  # CIE76 distance to the cheeks' colour from which forehead counts as covered; by eye
DONOR_HAIR_SHARE = 0.15  # a source portrait's forehead may be covered by so much; by eye on 120 portraits
DONOR_SOURCES = 400  # of more portraits of one gender and group, those with the barest foreheads are used
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
# Range of the exaggeration of shape and texture; sqrt(3) gives a mean of three the spread of single faces.
DONOR_STRENGTH = (1.7, 2.4)
DONOR_YEARS = (-10.0, 24.0)  # range by which a donor is aged: portraits are mostly 23 to 36, people are not
DONOR_AGEING_RIDGE = 1e-3  # ridge of the ageing regression: only keeps it solvable
LATER_DETAIL_BLUR = 3.0  # px, Gaussian sigma below which texture counts as detail that age roughens
LATER_DETAIL_SPREAD = 5.0  # px, over which its strength is measured
LATER_DETAIL_RANGE = (-0.2, 0.9)  # log gain; more makes noise of compression visible, by eye
LATER_COLOUR_LIMIT = (20.0, 6.0, 6.0)  # CIE L*, a*, b*: where the change of colour flattens; by eye
# Years added to the oldest-looking donors of each variant (frontal ones and turned ones), and taken from the youngest
LATER_YEARS = {
    "frontal": (45.0, 45.0, 40.0, 35.0, 35.0, 30.0, 25.0, 25.0),
    "left": (45.0, 40.0, 35.0, 30.0, 25.0),
    "right": (45.0, 40.0, 35.0, 30.0, 25.0),
}
EARLIER_YEARS = -20.0
# Folds of older people of LFW on donors (donors/folds.py); by eye on 16 donors at strengths .6 to 2
FOLD_MIX = 3  # people whose folds one donor gets
FOLD_YOUNG = 32.0  # years; what is usual in the fine lightness of younger people is no fold
FOLD_BLUR = 4.0  # px, Gaussian sigma below which lightness counts as folds
FOLD_DEEPEST = 0.3  # log ratio, where depth flattens
FOLD_RIDGES = 0.15  # share of the lighter ridges beside folds: on a crisp photo more looks like frost
FOLD_ROOM = 3  # px kept clear round eyes, brows, nostrils and lips
FOLD_FEATHER = 1.5  # px
FOLD_SEED = 3  # of the people drawn for each donor
FOLDED_AGAIN = (
    (45.0, 1.1),
    (38.0, 0.9),
    (30.0, 0.7),
)  # the same for younger ones that are added a second time
# Years added to, and strength of folds on, the oldest-looking donors of each variant (frontal ones and turned ones),
# the first of which are those with LATER_YEARS; by eye
FOLDED = {
    "frontal": (
        *((0.0, strength) for strength in (1.2, 1.1, 1.0, 0.9, 0.85, 0.8, 0.7, 0.6)),
        *((25.0, 0.7), (22.0, 0.6), (20.0, 0.55), (18.0, 0.45), (15.0, 0.4)),
    ),
    **dict.fromkeys(
        ("left", "right"),
        (
            *((0.0, strength) for strength in (1.1, 1.0, 0.9, 0.8, 0.7)),
            *((22.0, 0.6), (20.0, 0.55), (18.0, 0.4)),
        ),
    ),
}
# CIE L* by which brows must stay darker than the cheeks, or they look shaven; by eye, 3 % of unaged donors have less
DONOR_BROW_DARKNESS = 5.0
LATER_FOREHEAD = 2.0  # brow-to-eye heights above the brows where LFW's crops end
# Contrast units: sources that differ more round the brows leave a ghost of one. By eye; drops 10-35 % by cell.
DONOR_DISAGREEMENT = 9.8
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
DONOR_QUOTA = {
    "frontal": 20,
    "left": 12,
    "right": 12,
}  # donors per gender and group, neutral and again smiling
DONOR_LANDMARK_ERROR = 0.06  # a donor on which the 68-point model is farther off (inter-ocular) looks wrong
DONOR_SOURCE_DISTANCE = 0.3  # embedding: least distance of a donor to any portrait (0: a copy)
DONOR_SOURCE_PIXELS = 6.0  # of 255: least mean difference inside the face to each portrait mixed
DONOR_SOURCE_GENDER = 0.6  # least probability of a source portrait's labelled gender: 4 % of labels are wrong
DONOR_GENDER = 0.85  # least probability of a donor's gender
DONOR_WEBP_QUALITY = 90  # of 100
DONOR_SKINS_KEPT = 512  # skin likelihoods of donors kept in memory, 66 KB each
DONOR_PICTURES_KEPT = 128  # decoded donors kept in memory, 0.2 MB each; reading one again takes 3 ms

# --- attributes ---
AGE_RANGE = (1.0, 95.0)  # years, what an estimate is clipped to
ATTRIBUTE_LOGISTIC_L2 = (
    0.02  # penalty of the gender and group regressions; LFW gender .963-.967 over 0.005-0.5
)
ATTRIBUTE_RIDGE_L2 = 0.5  # penalty of the age regression; LFW error 3.41-3.42 years over 0.1-2
ATTRIBUTE_REAL_WEIGHT = (
    3.0  # weight of a real face beside a synthetic one; LFW age error 3.48 years at 1, 3.42 at 3
)

# --- donor selection ---
# Size at which a difference between donor and face becomes plain to see; squared differences add up. By eye.
DONOR_TOLERANCE = {
    "gender": 0.22,  # probability of the other gender
    "group": 0.26,  # 1 - score of the donor's group
    "age": 4.0,  # years
    "yaw": 10.0,  # degrees
    "pitch": 12.0,  # degrees
    "mouth": 0.02,  # inter-ocular distances
    "smile": 0.15,  # inter-ocular distances
    "eyes": 0.08,  # eye aspect ratio
    "skin": 14.0,  # CIE76
    "beard": 5.0,  # CIE L*
    "folds": 0.28,  # of their strength, more than people of the face's age have
    "plainly": 2.2,  # log-odds of its gender that a donor looks less than PLAINLY
}
# Log-odds of its gender, as a second network sees it (donors/second_opinion.py), from which a donor plainly looks it;
# half the men of the bank do. On 400 photos of LFW that correlates with what a third network sees in the decoy, at .38
# for men and .54 for women.
PLAINLY = 3.5
# Years by which that network sees a donor older than the estimate does, a share of which its decoys will seem older
SEEN_AGE_SHARE = 0.35
# Donors are chosen older than the person by this share of the years of the estimate beyond the other: of many foretold
# alike the one taken mostly turns out younger, by 2.5 years on 400 photos of LFW, the more the older the person is
AGE_LEAN = 0.25
AGE_LEAN_FROM = 25.0
OPINION_PADDINGS = (0.15, 0.25)  # of the chips that it sees
# years (of the estimate) from which a face may get a donor with folds, and over which these may reach full strength; by
# eye: crisp photos of people of 30 show none
FOLDS_AGE = (30.0, 15.0)
KIN_GENDER = 0.4  # probability of a gender from which a face passes for it: a wrong one is seen first
OTHER_GENDER = 0.1  # the same, below which donors come after those of any other group, beard or folds
SURELY_MALE = 0.9  # probability of a man below which more beard than the face may have comes as late
KIN_PLAINLY = 1.3  # log-odds of its gender that it may look less than it should: half of wrong ones looked so
KIN_TOO_PLAINLY = 1.7  # the same that it may look more than a face should that may be of either
KIN_GROUP = 0.25  # the same of a group: chance level of four
KIN_FOLDS = 0.3  # strength of folds beyond those of the age from which a crisp photo looks wrong; by eye
KIN_BEARD = 6.0  # CIE L* by which a donor's upper lip may be darker than the face's; beards begin about there
DONOR_POOL = 0.03  # share of the bank that is drawn from at random
BEARD_COLOUR_LOSS = (
    0.1  # share of the cheeks' chroma; bearded donors lose .1 to .35, shaded skin gains; by eye
)
# Euclidean. A donor's decoy shall be foretold to lie so much beyond what redraws aim for, then nine in ten do (see
# donors/forecast.md)
FORECAST_MARGIN = 0.035
# Euclidean, standard deviations of how much a decoy's distance differs from the one foretold: from face to face, and
# from donor to donor on one face. `python -m mfmc_engine.calibration.prospects ../shared/data/lfw` finds .036, .036 and
# a gain of .033. With these fewer donors are drawn in the first rounds (4.2 instead of 4.8 in all), but those of later
# ones bend landmarks farther (median 5.03 % on LFW, bar 5).
FORECAST_BETWEEN = 0.035
FORECAST_WITHIN = 0.041
SHAPE_GAIN = 0.045  # Euclidean, by which a whole share of the donor's shape adds to it (see SHAPE_DISTANCE)
# What a decoy may be foretold to fall short of that, or to differ in, before it is as bad as a trait plainly off
FORECAST_TOLERANCE = {
    "distance": 0.03,  # Euclidean
    "gender": 0.2,  # probability
    "age": 4.0,  # years
}
DONOR_POOL_LEAST = 8  # donors drawn from at random, however small the bank

# --- evaluation ---
RECALL_IOU: Final = 0.4  # overlap at which a face counts as found (../shared/data/group_photos/README.md)
RECALL_SIZES: Final = (24, 48)  # px, smallest faces counted (same source)
# what is aimed for (same source): smallest face in px -> recall, upright and turned; false positives a photo
RECALL_BARS: Final = {24: 0.985, 48: 1.0}
RECALL_TURNED_BARS: Final = {24: 0.95}
FALSE_POSITIVES_BAR: Final = 0.5
SWAPPED_SIZE: Final = 48  # px, smallest face of those photos that counts as one to be swapped
SWAPPED_BAR: Final = 0.95  # share of these that are swapped, not redacted
# of the longer side, on each side, by choice; 60 of 60 tight crops of ../shared/data/lfw were found without
GALLERY_PADDING: Final = 0.33

CROWD_CELL: Final = 256  # px, side of the cut-outs that a photo for the speed benchmark is put together from
CROWD_MARGIN: Final = (
    1.1  # of the face's longer side, half the side of a cut-out: the head and its surroundings
)

# --- evaluation: speed on a device ---
MATMUL_SIDE: Final = (
    8192  # of the square matrices whose product tells a card's rate: large enough for its best
)
MATMUL_SIDE_CPU: Final = 1024  # the same on a CPU, whose rate is reached earlier
MATMUL_REPEATS: Final = 6  # the first of which warms up
DEVICE_BATCHES: Final = (1, 2, 4, 8, 16, 32)  # photos at once
# of manage.py benchmark_posting (issue 7); whether the figure has to reach the bar, or to stay within it
POSTING_BARS: Final = {
    "mean_batch": (8.0, True),
    "held_back_p95_ms": (150.0, False),
}
DEVICE_BARS: Final = {  # on an H200, builtin pack, group photos of 1280 px already decoded (issue 7)
    "photos a second, analyse and decoys": 60.0,
    "faces a second, swap and verify": 500.0,
    "times the CPU": 20.0,
}

# --- evaluation: re-identification -------------------------------------------------------------------------------
# 1 % false matches between strangers on ../shared/data/lfw (baseline.txt)
LFW_THRESHOLDS: Final = {"dlib": 0.578, "mobilefacenet": 1.112}
REDACTED_CELLS: Final = 6  # cells a side that what is left of a redacted face is compared on
REDACTED_RIDGE: Final = 0.01  # of the mean variance, added to a metric learned from few people
LFW_FACE_BOX: Final = (75.0, 85.0, 225.0, 235.0)  # px of the prepared 300 px crop (README there)
# (x, y) px where eyes, nose tip and mouth corners lie in that crop: means of 200 photos
LFW_FIVE_POINTS: Final = ((109.4, 129.2), (191.2, 129.2), (150.8, 179.2), (117.3, 212.5), (185.8, 212.5))
MOBILEFACENET_POINTS: Final = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)

# --- evaluation: protocols and baselines ------------------------------------------------------------------------
EVAL_FMRS: Final = (
    0.001,
    0.01,
)  # false match rates between strangers at which thresholds are set (issue 6, issue 3)
EVAL_FMR: Final = 0.01  # the one that bars and averages use
EVAL_FPIR: Final = 0.01  # share of unenrolled originals an open-set search may name
EVAL_PROBES: Final = 2  # photos of one person that are anonymised: two decoys of one person can be linked
EVAL_RANKS: Final = 20  # longest rank of the CMC curve
EVAL_BOOTSTRAP: Final = 1000  # resamples of people behind a 95 % confidence interval
EVAL_AGE_BANDS: Final = ((0, 25), (25, 35), (35, 45), (45, 55), (55, 120))  # years, lower end included
EVAL_SMALLEST_GROUP: Final = 5  # faces below which a group's figures are not shown
EVAL_FOLDS: Final = 5  # of people, wherever a classifier is fitted and judged on the same set
# What platforms do by hand; sizes as shares of the longer side of the face's box, by choice
EVAL_BLUR_SIGMA: Final = 0.06
EVAL_PIXELS: Final = 10  # cells across the box
EVAL_MARGIN: Final = 0.04  # Euclidean, preferred minus promised distance when an ablation moves them together
# The second view of a synthetic identity that has only one picture: mirrored, shrunk and compressed
EVAL_VIEW_SCALE: Final = 0.8
EVAL_VIEW_QUALITY: Final = 60  # JPEG, of 100
EVAL_SYNTHETIC: Final = 400  # identities drawn from a labelled folder unless --limit says otherwise

# --- evaluation: recognisers ---------------------------------------------------------------------------------------
LBPH_GRID: Final = 8  # cells a side (Ahonen et al. 2004 as in OpenCV's LBPHFaceRecognizer)
LBPH_POINTS: Final = 8  # neighbours at radius 1, uniform patterns
CLASSIC_CROP: Final = 96  # px, side of the aligned grey crop that the classical recognisers see
EIGEN_SIDE: Final = 48  # px, that crop reduced for eigenfaces
EIGEN_COMPONENTS: Final = 150  # of the principal components (Turk and Pentland 1991)

# --- evaluation: the judge of gender and age ----------------------------------------------------------------------
JUDGE_SIDE: Final = 224  # px, the network's input
# Share of the mean face's side that the chip shows on each side of it, as CHIP_PADDING; gender right on LFW in .969,
# .973, .975 of photos at .25, .4, .55: the tightest of those that do as well
JUDGE_PADDING: Final = 0.4

# --- evaluation: structure ------------------------------------------------------------------------------------------
SEAM_STEP: Final = (
    0.08  # inter-ocular distances from the mask's border at which colours are compared on both sides
)
SEAM_SMOOTH: Final = 0.02  # of the same, Gaussian sigma that keeps grain and pores out of the comparison
SEAM_VISIBLE: Final = (
    1.0  # CIEDE2000, about what an eye can just tell apart; changes in the original below it count as it
)
STRUCTURE_MARGIN: Final = 0.25  # of the patch's size, surroundings that count as outside the mask
SSIM_WINDOW: Final = 7  # px (Wang et al. 2004 as in scikit-image)
GAZE_DARK: Final = 0.4  # share of an eye's pixels, the darkest, that count as iris
HOG_OVERLAP: Final = (
    0.4  # IoU of dlib's HOG detection with the box that dlib's landmarks imply, as RECALL_IOU
)

# --- evaluation: attacks, visual quality --------------------------------------------------------------------------
RIDGE: Final = 1.0  # penalty of the least-squares classifiers, in units of the features' mean variance
KID_SUBSETS: Final = 50  # of KID_SUBSET_SIZE pictures (Binkowski et al. 2018)
KID_SUBSET_SIZE: Final = 100
COVERAGE_NEIGHBOURS: Final = 5  # of coverage (Naeem et al. 2020)
COMPARED_DECOYS: Final = 4  # of one face under differing seeds, combined by the attack of viewers who compare
COMPARED_FACES: Final = 20  # faces it is tried on
COMPARED_JPEG: Final = 88  # quality of served pictures (faceaccess/renditions.py)
COMPARED_DIFFERENCE: Final = 12  # of 255, more than JPEG of that quality changes an unchanged pixel by
COMPARED_OVERLAP: Final = 0.5  # IoU from which the place of a replaced face counts as found
# Euclidean, preferred distances to the original beside the default (ORIGINAL_PREFERRED)
ABLATION_THRESHOLDS: Final = (0.52, 0.58, 0.70)

# --- evaluation: the bars of the project ---------------------------------------------------------------------------
BARS: Final = {  # name: (comparison, limit)
    "before accepts, dlib": ("within 0.02 of", 0.831),  # ../shared/data/lfw/baseline.txt
    "before accepts, mobilefacenet": ("within 0.02 of", 0.812),
    "accepts": ("<=", 0.015),
    "rank-1": ("<=", 0.01),
    "relative rank-1 drop, mean": (">=", 0.95),
    "unlinkability excess": ("<=", 0.01),
    "gender kept": (">=", 0.95),
    "age difference, median": ("<=", 6.0),
    "landmark error, median": ("<=", 0.05),
    "landmark error, 95th percentile": ("<=", 0.10),
    "mouth opening, 90th percentile": ("<=", 0.06),
    "seam ratio, median": ("<=", 1.3),
    "sharpness ratio within 0.6-1.6": (">=", 0.90),
    "still found by dlib HOG": (">=", 0.99),
    "swapped, faces of 48 px and more": (">=", SWAPPED_BAR),
    "outside untouched": (">=", 1.0),
    "donor distance within a cell, least mean": (">=", 0.58),
    "donors in the smallest cell": (">=", 40),
    "people near one donor, most": ("<=", 0.05),
}

# --- weights and ONNX networks ---
DOWNLOAD_TIMEOUT_S: Final = 30  # s without a byte before a download gives up; it can be continued
SCRFD_INPUT: Final = (640, 640)  # px (width, height), what insightface's own examples use
SCRFD_SCORE: Final = (
    0.35  # lower than insightface's .5: a face too many is hidden for nothing, one too few leaks
)
SCRFD_LARGE_INPUT: Final = (1280, 1280)  # px, a second look for the small faces of a large photo
ONNX_BATCH: Final = 16  # faces in one run of a graph that takes any batch
# Aligned ArcFace crop, 112 px: left eye, right eye, nose, mouth corners (Deng et al. 2019, insightface). Pixel indices,
# as OpenCV counts: half a pixel less than the positions of the other coordinates here.
ARCFACE_POINTS: Final = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
# The square that insightface's landmark and attribute networks look at, in px of that crop: centre and side (1.5
# times the longer side of a detector's box, which spans about 80 x 100 px there)
ONNX_CROP_CENTRE: Final = (56.0, 64.0)
ONNX_CROP_SIDE: Final = 150.0

# --- ArcFace's space (unit vectors: d = sqrt(2 - 2 cos)) ---
# insightface's weights cannot be fetched where this was written, so none of these is calibrated. They follow from
# taking cosines between strangers as normal with mean .02 and deviation .065, wider than is reported for the models
# we list, and lean to the hiding side. Calibrate before relying on them: docs/packs.md.
ARCFACE_ORIGINAL: Final = 1.30  # cos .155: 2 % of strangers by that model lie nearer
ARCFACE_PREFERRED: Final = 1.33  # cos .115
ARCFACE_MATCH: Final = 1.09  # cos .41, far beyond what any stranger reaches by that model
ARCFACE_MARGIN: Final = 0.10
ARCFACE_CLAIM: Final = 1.18  # cos .30: 1e-5 of strangers
ARCFACE_APART: Final = 1.25  # cos .22: 1e-3 of strangers
ARCFACE_TAIL_RATE: Final = 1e-3
ARCFACE_TAIL_DISTANCE: Final = 1.248
ARCFACE_TAIL_EXPONENT: Final = 92.0  # through 1e-6 at cos .329
ARCFACE_CLAIM_LIMIT: Final = 1.25  # cos .22
ARCFACE_CROP: Final = 112  # px
# A square of a multiple of 128 px (inswapper's) shows as much more, and the face is moved to its middle
# (insightface, face_align.estimate_norm)
ARCFACE_WIDE_CROP: Final = 128  # px
ARCFACE_WIDE_SHIFT: Final = 8.0  # px of those 128, to the right
INSWAPPER_RIM: Final = 0.06  # of the square's side, over which it fades into the photo
ARCFACE_SAME_PERSON: Final = 1.20  # cos .28: most pictures of one person lie nearer

# --- calibrating another recogniser (calibration/thresholds.py) ---
# Shares of pairs of strangers, or of one person, that lie nearer than dlib's thresholds above on all pairs of
# ../shared/data/lfw (2,265,645 and 1,740): the same shares give the other recogniser's thresholds.
CALIBRATION_MATCH: Final = 1e-3  # of strangers, for MATCH_THRESHOLD (.513)
CALIBRATION_CLAIM: Final = 0.01  # of strangers, for CLAIM_THRESHOLD (.579)
CALIBRATION_ORIGINAL: Final = 0.02  # of strangers, for ORIGINAL_THRESHOLD (.602)
CALIBRATION_PREFERRED: Final = 0.174  # of strangers, for ORIGINAL_PREFERRED (.695)
CALIBRATION_APART: Final = 0.256  # of strangers, for APART_PREFERRED (.72)
CALIBRATION_SAME_PERSON: Final = 0.881  # of pairs of one person, for ENROLMENT_SAME_PERSON (.600)
# of pairs of one person; nothing farther apart than that is taken for one, by choice. dlib's are .71, beyond all its
# thresholds, so it only binds better recognisers
CALIBRATION_OWN_KEPT: Final = 0.99
CALIBRATION_TAIL_PAIRS: Final = (
    50  # nearest pairs of strangers, at least: Hill's exponent is known to 14 % then
)
CALIBRATION_OWN_PAIRS: Final = 100  # pairs of one person, at least: one of them is 1 %
CALIBRATION_PEOPLE: Final = 1000  # drawn from a folder; with their pictures, a million pairs and more
CALIBRATION_PICTURES: Final = 3  # of each, as ../shared/data/lfw has: nobody counts for more than others
CALIBRATION_SEED: Final = 11
CALIBRATION_GALLERIES: Final = (1, 100, 10_000, 1_000_000)  # templates, for the curve that is printed
CALIBRATION_NEAREST: Final = 3  # pairs of strangers that are named: one person under two names shows there
