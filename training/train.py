"""Train the tiny model for a given number of minutes.

The learning rate follows the clock instead of a step count: whoever starts the
run knows how long the machine is free, not how fast it will be. A checkpoint
holds everything needed to go on, and the averaged weights that get exported.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from data import Packer
from model import Config, Model
from optimizer import build

WARMUP_STEPS = 60


def rate(progress, step):
    """Part of the peak rate: a short warm-up, then straight down to almost nothing."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * max(0.02, 1.0 - progress)


def loss_of(model, batch, device):
    """Mean loss over the targets that count; the output layer runs for those alone."""
    inputs, targets, weights = (t.to(device) for t in batch)
    with torch.autocast(device, dtype=torch.bfloat16):
        stream = model.hidden_states(inputs, torch.arange(inputs.shape[1], device=device))
        logits = F.linear(stream[weights > 0], model.embed_tokens.weight)
    losses = F.cross_entropy(logits.float(), targets[weights > 0], reduction="none")
    return (losses * weights[weights > 0]).sum() / weights.sum()


@torch.no_grad()
def validate(model, batches, device):
    model.eval()
    total = sum(loss_of(model, batch, device).item() for batch in batches) / len(batches)
    model.train()
    return total


def save(path, run):
    """Written beside and moved into place, so a stop never leaves half a file."""
    beside = Path(str(path) + ".part")
    torch.save(run, beside)
    beside.replace(path)


class Run:
    """Model, optimizers, data and counters of one training run."""

    def __init__(self, args, config, saved):
        self.args = args
        torch.manual_seed(args.seed)
        self.model = Model(config).to(args.device)
        self.optimizers = build(self.model, args.lr_matrix, args.lr_rest)
        self.count = {"step": 0, "tokens": 0, "seconds": 0.0, "progress": 0.0, "parts": 0}
        if saved:
            self.model.load_state_dict(saved["model"])
            for optimizer, state in zip(self.optimizers, saved["optimizers"]):
                optimizer.load_state_dict(state)
            for optimizer, peak in zip(self.optimizers, (args.lr_matrix, args.lr_rest)):
                for group in optimizer.param_groups:
                    group["peak"] = peak
            self.count.update(saved["count"])
            if args.restart_schedule:
                self.count["progress"] = 0.0
        self.count["parts"] += 1
        if args.compile:
            for layer in self.model.layers:
                layer.compile(dynamic=False)
        start = saved["average"] if saved else self.model.state_dict()
        self.average = {k: v.detach().clone() for k, v in start.items()}
        # A resumed run must not see its first documents again, so each part has its own seed.
        tokenizer = Path(args.tokenizer) / "tokenizer.json"
        self.data = Packer(tokenizer, f"{args.seed}.{self.count['parts']}", config.context, args.batch_tokens)
        held = Packer(tokenizer, "validation", config.context, args.batch_tokens)
        self.held_out = [held.batch() for _ in range(args.validation_batches)]

    def step(self):
        """One batch, one update, one step of the running average."""
        drill = self.data.rng.random() < self.args.drill * (1 - self.count["progress"])
        batch = self.data.drill() if drill else self.data.batch()
        loss = loss_of(self.model, batch, self.args.device)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        factor = rate(self.count["progress"], self.count["step"])
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.count["step"] += 1
        self.count["tokens"] += batch[0].numel()
        keep = min(0.99, self.count["step"] / (self.count["step"] + 10))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        return None if drill else loss.item()

    def validation_loss(self):
        """Loss of the averaged weights, which are the ones that ship."""
        current = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        loss = validate(self.model, self.held_out, self.args.device)
        self.model.load_state_dict(current)
        return loss

    def state(self):
        return {"config": self.model.config.to_dict(), "model": self.model.state_dict(),
                "average": self.average, "optimizers": [o.state_dict() for o in self.optimizers],
                "count": dict(self.count), "args": vars(self.args)}


def train(run, args):
    """Step until the clock says stop; log and save on the way."""
    begin, before, last_save = time.time(), run.count["progress"], time.time()
    base_seconds, smooth = run.count["seconds"], None
    log = open(Path(args.out) / "log.jsonl", "a", buffering=1)
    while True:
        elapsed = time.time() - begin
        run.count["progress"] = min(1.0, before + (1 - before) * elapsed / (args.minutes * 60))
        run.count["seconds"] = base_seconds + elapsed
        done = run.count["progress"] >= 1.0
        if not done:
            loss = run.step()
            if loss is not None:
                smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
        if done or run.count["step"] % args.log_every == 0:
            line = {**run.count, "loss": round(smooth or 0.0, 4)}
            if done or run.count["step"] % (5 * args.log_every) == 0:
                line["validation_loss"] = round(run.validation_loss(), 4)
            log.write(json.dumps(line) + "\n")
            print(line, flush=True)
        if done or time.time() - last_save > args.save_every:
            save(Path(args.out) / "checkpoint.pt", run.state())
            last_save = time.time()
        if done:
            return


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder for checkpoint and log")
    parser.add_argument("--tokenizer", required=True, help="folder written by tokenizer.py")
    parser.add_argument("--minutes", type=float, required=True, help="how long this run (or its rest) may take")
    parser.add_argument("--resume", help="checkpoint to go on from")
    parser.add_argument("--restart-schedule", action="store_true", help="resume with the rate at its peak again")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="compile the layers: slower start, about a sixth faster")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--drill", type=float, default=0.4, help="share of copying drills at the start; fades out")
    parser.add_argument("--lr-matrix", type=float, default=0.02)
    parser.add_argument("--lr-rest", type=float, default=0.003)
    parser.add_argument("--validation-batches", type=int, default=8)
    parser.add_argument("--log-every", type=int, default=20)
    parser.add_argument("--save-every", type=float, default=90.0, help="seconds between checkpoints")
    for name, value in Config().to_dict().items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    return parser.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    saved = torch.load(args.resume, map_location=args.device, weights_only=True) if args.resume else None
    shape = saved["config"] if saved else {name: getattr(args, name) for name in Config().to_dict()}
    run = Run(args, Config(**shape), saved)
    print(f"{run.model.parameter_count():,} parameters", flush=True)
    train(run, args)


if __name__ == "__main__":
    main()
