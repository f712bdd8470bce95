import numpy as np

from skblood.datasets._contact_sheet import pack, unpack


def test_tiles_fill_the_sheet_row_by_row():
    images = np.arange(6 * 4 * 4 * 3).reshape(6, 4, 4, 3)
    sheet = pack(images, n_columns=3)
    assert sheet.shape == (8, 12, 3)
    np.testing.assert_array_equal(sheet[:4, 4:8], images[1])
    np.testing.assert_array_equal(sheet[4:, :4], images[3])


def test_unpack_undoes_pack():
    images = np.arange(6 * 4 * 4 * 3).reshape(6, 4, 4, 3)
    np.testing.assert_array_equal(unpack(pack(images, n_columns=2), size=4), images)
