"""Convolutions and networks of pictures in PyTorch: modules, autograd, channels last."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Run = Callable[[], Any]


def conv(x: Any, dy: Any, W: Any) -> Run:
    """A 3 x 3 convolution forward and backward."""
    picture = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()  # its memory is channels last
    weight = torch.tensor(W).permute(3, 2, 0, 1)
    weight = weight.contiguous(memory_format=torch.channels_last).requires_grad_()
    bias = torch.zeros(W.shape[3], requires_grad=True)
    pull = torch.tensor(dy).permute(0, 3, 1, 2)
    every = (picture, weight, bias)
    return lambda: torch.autograd.grad(F.conv2d(*every, padding=1), every, pull)


class Block(nn.Module):
    """A residual block; of a U-Net it listens to the time, (N, E)."""

    def __init__(self, n_in: int, n_out: int, E: int = 0) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, n_in), nn.GroupNorm(4, n_out)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.time = nn.Linear(E, n_out) if E else None
        self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Any, e: Any = None) -> Any:
        h = self.conv1(F.silu(self.norm1(x)))
        if self.time is not None:
            h = h + self.time(e)[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    """Self-attention over the positions of a picture."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.GroupNorm(4, C), nn.Linear(C, 3 * C), nn.Linear(C, C)

    def forward(self, x: Any, e: Any) -> Any:
        u = self.norm(x).flatten(2).transpose(1, 2)
        y = F.scaled_dot_product_attention(*self.qkv(u).chunk(3, dim=2))
        return x + self.out(y).transpose(1, 2).reshape(x.shape)


class UNet(nn.Module):
    """That of `ddpm` on 28 x 28 pictures: three scales of 16, 32 and 32 channels."""

    def __init__(self, E: int = 64) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(64, E), nn.SiLU(), nn.Linear(E, E), nn.SiLU())
        self.lift, self.head = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 1, 3, padding=1)
        self.downs = nn.ModuleList([Block(16, 16, E), Block(16, 32, E)])
        self.middle = nn.ModuleList([Block(32, 32, E), Attention(32), Block(32, 32, E)])
        self.ups = nn.ModuleList([Block(64, 32, E), Block(48, 16, E)])
        self.norm = nn.GroupNorm(4, 16)

    def forward(self, x: Any, wave: Any) -> Any:
        e, h, kept = self.time(wave), self.lift(x), []
        for block in self.downs:
            h = block(h, e)
            kept.append(h)
            h = F.avg_pool2d(h, 2)
        for block in self.middle:
            h = block(h, e)
        for block in self.ups:
            h = torch.cat([kept.pop(), F.interpolate(h, scale_factor=2)], dim=1)
            h = block(h, e)
        return self.head(F.silu(self.norm(h)))


def unet(x: Any, dy: Any) -> Run:
    """Forward and backward of the U-Net on rows of 784 numbers."""
    net: Any = UNet().to(memory_format=torch.channels_last)
    picture = torch.tensor(x).reshape(-1, 1, 28, 28).requires_grad_()
    pull, wave = torch.tensor(dy).reshape(-1, 1, 28, 28), torch.randn(len(x), 64)
    every = (picture, *net.parameters())
    return lambda: torch.autograd.grad(net(picture, wave), every, pull)


class Coupling(nn.Module):
    """ActNorm, a 1 x 1 convolution where the mask is of channels, and an affine coupling."""

    def __init__(self, side: int, C: int, hidden: int, mask: str) -> None:
        super().__init__()
        i, j, c = torch.meshgrid(*(torch.arange(n) for n in (side, side, C)), indexing="ij")
        kept = (i + j) % 2 == 0 if mask == "checkerboard" else c < C // 2
        self.register_buffer("kept", kept.permute(2, 0, 1)[None].float())
        self.s, self.t = (nn.Parameter(torch.zeros(1, C, 1, 1)) for _ in range(2))
        self.W = None if mask == "checkerboard" else nn.Parameter(torch.linalg.qr(
            torch.randn(C, C))[0])  # fmt: skip
        self.net = nn.Sequential(
            nn.Conv2d(C, hidden, 3, padding=1), Block(hidden, hidden), nn.GroupNorm(4, hidden),
            nn.SiLU(), nn.Conv2d(hidden, 2 * C, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        pixels = x.shape[2] * x.shape[3]
        x, logdet = x * torch.exp(self.s) + self.t, self.s.sum() * pixels
        if self.W is not None:
            x = torch.einsum("nchw,cd->ndhw", x, self.W)
            logdet = logdet + pixels * torch.linalg.slogdet(self.W)[1]
        r, t = self.net(x * self.kept).chunk(2, dim=1)
        s, moved = 2 * torch.tanh(r / 2), 1 - self.kept
        y = self.kept * x + moved * (x * torch.exp(s) + t)
        return y, logdet + (moved * s).sum((1, 2, 3))


class Flow(nn.Module):
    """Real NVP of 28 x 28 pictures at three scales, one coupling of each mask at each."""

    def __init__(self) -> None:
        super().__init__()
        plan = [(28, 1, 16, "checkerboard"), (14, 4, 32, "channels"), (14, 2, 32, "checkerboard"),
                (7, 8, 64, "channels"), (7, 4, 64, "checkerboard")]  # fmt: skip
        self.couplings = nn.ModuleList([Coupling(*each) for each in plan])

    def forward(self, x: Any) -> Any:
        total, latents = 0.0, []
        for k, coupling in enumerate(self.couplings):
            if k in (1, 3):
                x = F.pixel_unshuffle(x, 2)
            x, logdet = coupling(x)
            total = total + logdet
            if k in (1, 3):
                out, x = x.chunk(2, dim=1)
                latents.append(out.flatten(1))
        z = torch.cat([*latents, x.flatten(1)], dim=1)
        return (0.5 * (z * z).sum(1) + 0.919 * z.shape[1] - total).mean()


def flow(x: Any) -> Run:
    """The loss of the flow and all gradients."""
    net: Any = Flow().to(memory_format=torch.channels_last)
    picture = torch.tensor(x).reshape(-1, 1, 28, 28).requires_grad_()
    every = (picture, *net.parameters())
    return lambda: torch.autograd.grad(net(picture), every)
