import h5py
import matplotlib.pyplot as plt

with h5py.File("lab:waves.h5") as file:
    height = file["height"]
    plt.figure(figsize=(6, 3.8), layout="tight")
    plt.imshow(height[-1], extent=(-4, 4, -3, 3), cmap="ocean")
    plt.colorbar(label=f"height ({height.attrs['units']})")

plt.savefig("waves.png", dpi=80)
