"""Train the demo's network and write digits.onnx beside this file.

Only needed to train it again; the demo uses the committed file:

    pip install -e '.[demo,train]' && python examples/digits/train.py
"""

from __future__ import annotations

from pathlib import Path

import data
import onnx
import torch
from torch import nn
from torch.nn import functional

EPOCHS, BATCH = 60, 32
MODEL = Path(__file__).with_name("digits.onnx")


def separable(channels_in: int, channels_out: int) -> nn.Sequential:
    """A depthwise 3x3 and a pointwise convolution, each with BatchNorm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
        nn.BatchNorm2d(channels_in),
        nn.ReLU(),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Net(nn.Module):
    """float32 [N, 1, 8, 8] -> logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            separable(16, 32),
            nn.MaxPool2d(2),
            separable(32, 64),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(64 * 2 * 2, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Return the batch moved by up to one pixel, each time in another direction."""
    dy, dx = torch.randint(0, 3, (2,)).tolist()
    return functional.pad(images, (1, 1, 1, 1))[:, :, dy : dy + 8, dx : dx + 8]


def accuracy(net: nn.Module, digits: data.Digits) -> float:
    net.eval()
    with torch.no_grad():
        guess = net(torch.from_numpy(digits.images)).argmax(1)
    return float((guess == torch.from_numpy(digits.labels)).float().mean())


def train(digits: data.Digits) -> Net:
    net = Net()
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    for _ in range(EPOCHS):
        net.train()
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = functional.cross_entropy(net(shifted(images[batch])), labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net


def save(net: Net, path: Path) -> None:
    """Export with a softmax behind the logits, a dynamic batch, and no trace of this machine's paths."""
    program = torch.onnx.export(
        nn.Sequential(net, nn.Softmax(dim=1)).eval(),
        (torch.zeros(2, 1, 8, 8),),
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    model = program.model_proto
    graph = model.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
    del graph.value_info[:]
    graph.name = "digits"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main() -> None:
    torch.manual_seed(data.SEED)
    torch.set_num_threads(1)  # the same sums in the same order every time
    digits, held_out = data.load()
    net = train(digits)
    print(f"accuracy: training {accuracy(net, digits):.4f}, held out {accuracy(net, held_out):.4f}")
    save(net, MODEL)


if __name__ == "__main__":
    main()
