"""Every number of the engine, with its unit and where it comes from."""

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
CROP_AREA_REDUCTION = 1.5  # photo px per crop px above which the photo is area-averaged before cropping

# --- swapping: the mesh --------------------------------------------------------------------------------------
MESH_FOREHEAD_SHARES = (0.45, 0.9)  # of the brow-to-nose-base length above the brows; the second meets the hairline
MESH_RING_SCALE = 1.3  # a ring of points outside the face, so that its edge bends smoothly
MESH_FAR_CORNER = 4.0  # in brow-to-nose lengths; the triangles out there only fill the crop
MESH_SMALLEST_AREA = 0.02  # px^2 (twice the area); a triangle smaller than that is not drawn
MESH_MAP_BLUR = 1.5  # px, rounds the kinks at triangle edges

# --- swapping: fields ----------------------------------------------------------------------------------------
BLUR_LARGEST_DIRECT_SIGMA = 3.0  # px; wider Gaussians run on a reduced image (error < 1/255 on faces)
SPREAD_PRIOR = 0.02  # weight of the wider estimate in a normalised convolution
LUMA = (0.299, 0.587, 0.114)  # Rec. 601

# --- swapping: outlines of the face's parts (px of the canonical frame, 64 px between the eyes) ---------------
REGION_FOREHEAD = 34.0  # how far above the brows a swap may reach
EYE_MARGIN = 5.0
BROW_ABOVE = 5.0  # dlib's brow points lie on the brow's upper edge
BROW_BELOW = 7.0
BROW_MARGIN = 3.0
MOUTH_MARGIN = 4.0
CORE_MARGIN = 3.0
CORE_EYE_MARGIN = 8.0
CHEEK_SHRINK = 0.6  # share of the cheek polygon that seeds the skin colour
JAW_INSIDE = 6.0

# --- swapping: skin colour model (log units unless stated) -----------------------------------------------------
SKIN_PRESMOOTH = 0.7  # px of the half-size image, like all the skin model's widths
SKIN_LOG_OFFSET = 0.06  # of full scale; keeps noise in dark channels from exploding in the logarithm
SKIN_SEED_ROUNDS = 2
SKIN_GROW_ROUNDS = 2
SKIN_CHROMA_SPREAD = (0.08, 0.16)  # smallest and largest standard deviation
SKIN_FREE_DISTANCE = 3.0  # squared Mahalanobis distance that still counts as certain
SKIN_WIDE_SIGMAS = (20.0,)  # px, first guess of the light and tint on the face
SKIN_LOCAL_SIGMAS = (8.0, 20.0)  # px, the grown one: follows side light and coloured light
SKIN_FARTHEST_CHROMA = 0.33
SKIN_CHROMA_SOFTNESS = 0.04
SKIN_SEED_TOLERANCE = (0.5, 0.5)  # how much darker / brighter than expected skin may be
SKIN_TOLERANCE = (0.38, 0.45)  # darker than exp(-0.38) = 0.68 of the light around: hair, frames, beard
SKIN_LIGHT_SOFTNESS = 0.05

# --- swapping: mask (px of the canonical frame) ----------------------------------------------------------------
MASK_INSET = 4  # the mask starts this far inside the jaw contour
MASK_FEATHER = 4.0  # standard deviation of its soft edge
MASK_SMALLEST = 1 / 255  # alpha below one grey level is nothing
CORE_INSET = 7  # the core stays this far inside the face region: dlib's brows can leave the face
CORE_FEATHER = 2.5
OCCLUDER_SMOOTH = 1.5
OCCLUDER_LOW, OCCLUDER_HIGH = 0.35, 0.65  # "not skin" likelihood at which something starts to be / is in front
OCCLUDER_RIM = 10  # an occluder must reach at least this close to the region's border
OCCLUDER_STEPS = 24  # growth steps of four px

# --- swapping: light and colour --------------------------------------------------------------------------------
LIGHT_SIGMAS = (4.5, 10.0, 24.0)  # px of the half-size image; finer keeps more of the target's shading, and of its nose
LIGHT_OFFSET = 0.05  # of full scale; tames ratios in near-black channels (strongly tinted photos)
CONTRAST_GAIN = (0.6, 1.3)
COLOUR_GAIN = (0.0, 1.2)
DETAIL_RANGE = (-2.2, 0.9)  # log ratio to the light around
SEAM_SIGMA = 6.0
SEAM_PRIOR = 0.02

# --- swapping: texture -----------------------------------------------------------------------------------------
BAND_SIGMAS = (0.8, 1.6, 3.2)  # px
BAND_NOISE_SHARES = (1.0, 0.45, 0.25)  # standard deviation of white noise in each band, the first being 1
BAND_GAIN = (0.1, 1.35)
