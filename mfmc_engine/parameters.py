"""Every number of the engine, with its unit and where it comes from."""

from typing import Final

# --- imaging ---
MAX_FILE_BYTES: Final = 128 * 2**20  # a 50-megapixel PNG is about 100 MiB; larger uploads are not photos of people
MAX_PIXELS: Final = 100_000_000  # 0.3 GB as RGB; the largest phone sensors save 50 megapixels by default
MIN_SIDE: Final = 16  # px; no face smaller than this can be found, so such a picture has nothing to protect
JPEG_QUALITY: Final = 92  # Pillow's scale; compression artefacts stay below what a viewer sees at 100 %
WEBP_QUALITY: Final = 90  # Pillow's scale, about the same visible loss

# --- detection: MTCNN (Zhang et al. 2016), recall-first ---
# Thresholds and pyramid factor: measured on 13 annotated photos (../shared/data/group_photos/README.md); the
# published .6/.7/.7 and .709 miss 2.8 % of the faces of 24 px and more, these miss 0.8 %.
PNET_THRESHOLD: Final = 0.5  # face probability
RNET_THRESHOLD: Final = 0.3
PNET_CELL: Final = 12  # px of a pyramid level, the P-net's window (architecture)
PNET_STRIDE: Final = 2  # px of a pyramid level between neighbouring windows (architecture)
PYRAMID_FACTOR: Final = 0.79  # ratio of neighbouring levels
MIN_FACE: Final = 20.0  # px of the working image, smallest face looked for
PNET_NMS: Final = 0.5  # IoU inside one pyramid level (published value)
PROPOSAL_NMS: Final = 0.7  # IoU over all levels, and after the R-net (published value)
ONET_NMS: Final = 0.7  # intersection over the smaller box, after the O-net (published value)
# A second look at doubtful windows; figures fitted to those photos (253 faces, 13 photos)
SURE_SCORE: Final = 0.99  # O-net probability on two views, which no false positive reached
DOUBTFUL_SCORE: Final = 0.02  # O-net probability on the better of two views, below which a window is dropped
VERIFY_ZOOMS: Final = (0.85, 1.18, 0.75, 0.9, 1.05, 1.25)  # window sizes: two for the O-net, four for the R-net
VERIFY_SHIFT: Final = 0.08  # window sizes
VERIFY_WEIGHTS: Final = (4.2, 4.1)  # of the mean O-net and R-net probabilities
VERIFY_BIAS: Final = -6.8
FACE_SCORE: Final = 0.3  # probability; recall first, a missed face is a leak
WORKING_PIXELS: Final = 4_000_000  # a larger photo is searched at this size: 2.4 s of one core at the most
TURNED_MIN_FACE: Final = 40.0  # px of the working image, smallest face of the coarse turned passes
TURNED_SCORE: Final = 0.95  # O-net probability; ungated turned passes multiply false positives (README as above)
DUPLICATE_OVERLAP: Final = 0.6  # intersection over the smaller box; two answers of different passes are one face
LOCATE_ZOOMS: Final = (0.8, 1.0, 1.25)  # sizes of a caller's box at which its points are looked for

# --- landmarks ---
LANDMARK_CROP: Final = 240  # px, side of the upright crop the 68-point predictor works on; finer than its answers
# Where dlib's own detector puts its box in the unit face square of landmarks.FIVE_POINTS: median over 150 portraits
# of ../shared/data/synthetic_faces (standard deviations .06 to .09)
LANDMARK_BOX: Final = (-0.08, -0.09, 1.19, 1.17)
LANDMARK_PASSES: Final = 2  # the second lowers the median error on those portraits by 2 %, and mends poor five points

# --- recognition: dlib's ResNet ---
CHIP_SIZE: Final = 150  # px, the network's input (dlib)
CHIP_PADDING: Final = 0.25  # of the face square, on each side (dlib's compute_face_descriptor)
RESNET_MEAN: Final = (122.782, 117.001, 104.298)  # RGB, dlib's input_rgb_image_sized
EMBED_BATCH: Final = 32  # chips at once; 32 keep the activations under 150 MB
CROP_BATCH: Final = 256  # windows through the R- and O-net at once; 256 x 48 px keep activations under 150 MB

# --- recognition: matching ---
# On ../shared/data/lfw (840 people, baseline.txt) dlib's ResNet accepts 1 % of strangers at .578. A match here can
# disclose a face, so it takes a tenth of that.
MATCH_THRESHOLD: Final = 0.51  # Euclidean; 0.1 % of strangers there (.513)
AMBIGUITY_MARGIN: Final = 0.06  # Euclidean; two people (or faces) nearer to each other than this are ambiguous
MATCH_MIN_QUALITY: Final = 0.15  # Quality.score below which a face is never named

# --- quality ---
QUALITY_FULL_SIZE: Final = 80.0  # px; larger faces are not recognised any better (the chip has about this many)
QUALITY_FULL_YAW: Final = 90.0  # degrees
NOSE_DEPTH: Final = 0.6  # inter-ocular distances between the nose tip and the plane of the eyes, adult average
SHARPNESS_FULL: Final = 0.16  # mean absolute Laplacian over standard deviation

# --- enrolment: what a picture must be to become somebody's template ---
# The six faces of t1.jpg (106-125 px, sharpness .65-1, yaw to 41) must pass; the astronaut portrait must fail when
# halved (48 px) or blurred by a Gaussian of 2 px (sharpness .44). Light: its face is at 161 (mean, 0-255), at 24
# when darkened to what a phone shows in an unlit room.
ENROLMENT_MIN_SCORE: Final = 0.9  # detector confidence; below are the detector's mistakes, which nobody is asked about
ENROLMENT_MIN_SIZE: Final = 80.0  # px, sqrt(w * h) of the box: QUALITY_FULL_SIZE, more does not help, less hurts
ENROLMENT_MIN_SHARPNESS: Final = 0.5  # Quality.sharpness
ENROLMENT_MAX_YAW: Final = 45.0  # degrees, a three-quarter view; beyond it half the face is missing
ENROLMENT_MAX_ROLL: Final = 45.0  # degrees in the picture's plane; more is a picture that lies on its side
ENROLMENT_BYSTANDER: Final = 0.5  # of the largest face's size; from there on a second face makes it a group photo
ENROLMENT_LIGHT: Final = (45.0, 225.0)  # mean of the face in grey levels (0-255); beyond is night or glare
ENROLMENT_SAME_PERSON: Final = 0.6  # Euclidean; dlib's own "same person", looser than a match: poses may differ
CAPTURE_SIDE: Final = 256  # px, side of the aligned crop that is kept of an enrolment picture
CAPTURE_EYES: Final = ((0.35, 0.42), (0.65, 0.42))  # of the side: the crop is cut at the chin and above the forehead
CAPTURE_MOUTH: Final = (0.5, 0.74)  # of the side
