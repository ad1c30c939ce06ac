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
ONET_THRESHOLD: Final = 0.5
PYRAMID_FACTOR: Final = 0.79  # ratio of neighbouring levels
MIN_FACE: Final = 20.0  # px of the working image, smallest face looked for
PNET_NMS: Final = 0.5  # IoU inside one pyramid level (published value)
PROPOSAL_NMS: Final = 0.7  # IoU over all levels, and after the R-net (published value)
ONET_NMS: Final = 0.7  # intersection over the smaller box, after the O-net (published value)

# --- landmarks ---
LANDMARK_CROP: Final = 240  # px, side of the upright crop the 68-point predictor works on; finer than its answers

# --- recognition: dlib's ResNet ---
CHIP_SIZE: Final = 150  # px, the network's input (dlib)
CHIP_PADDING: Final = 0.25  # of the face square, on each side (dlib's compute_face_descriptor)
RESNET_MEAN: Final = (122.782, 117.001, 104.298)  # RGB, dlib's input_rgb_image_sized
EMBED_BATCH: Final = 32  # chips at once; 32 keep the activations under 150 MB
CROP_BATCH: Final = 256  # windows through the R- and O-net at once; 256 x 48 px keep activations under 150 MB
