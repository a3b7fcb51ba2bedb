"""Deep Q-learning with a replay buffer and a target net, in the style of the official tutorial."""

import math
import random
from collections import deque, namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)

    def __len__(self):
        return len(self.memory)


class DQN(nn.Module):
    def __init__(self, n_observations, n_actions):
        super(DQN, self).__init__()  # noqa: UP008
        self.layer1 = nn.Linear(n_observations, 24)
        self.layer2 = nn.Linear(24, 24)
        self.layer3 = nn.Linear(24, n_actions)

    def forward(self, x):
        x = F.relu(self.layer1(x))
        x = F.relu(self.layer2(x))
        return self.layer3(x)


def pendulum(state, action):
    """One step of a pole that falls: the next state, or None, and the reward."""
    angle, speed = state
    speed += 0.05 * (math.sin(angle) + (2.0 if action else -2.0))
    angle += 0.05 * speed
    return (None, -1.0) if abs(angle) > 0.5 else ((angle, speed), 1.0)


def main():
    random.seed(0)
    torch.manual_seed(0)
    policy_net, target_net = DQN(2, 2), DQN(2, 2)
    target_net.load_state_dict(policy_net.state_dict())
    optimizer = optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
    memory = ReplayMemory(500)
    losses, lengths, steps_done = [], [], 0

    def select_action(state):
        nonlocal steps_done
        eps_threshold = 0.05 + 0.85 * math.exp(-1.0 * steps_done / 60)
        steps_done += 1
        if random.random() > eps_threshold:
            with torch.no_grad():
                return policy_net(state).max(1).indices.view(1, 1)
        return torch.tensor([[random.randrange(2)]], dtype=torch.long)

    def optimize_model():
        if len(memory) < 16:
            return
        batch = Transition(*zip(*memory.sample(16)))
        non_final_mask = torch.tensor(
            tuple(s is not None for s in batch.next_state), dtype=torch.bool
        )
        non_final = torch.cat([s for s in batch.next_state if s is not None])
        state_batch = torch.cat(batch.state)
        action_batch = torch.cat(batch.action)
        reward_batch = torch.cat(batch.reward)
        values = policy_net(state_batch).gather(1, action_batch)
        next_values = torch.zeros(16)
        with torch.no_grad():
            next_values[non_final_mask] = target_net(non_final).max(1).values
        expected = (next_values * 0.99) + reward_batch
        loss = nn.SmoothL1Loss()(values, expected.unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
        optimizer.step()
        losses.append(loss.item())

    for _ in range(8):
        inner = (random.uniform(-0.1, 0.1), 0.0)
        state = torch.tensor(inner, dtype=torch.float32).unsqueeze(0)
        for t in range(40):
            action = select_action(state)
            inner, reward = pendulum(inner, action.item())
            next_state = None
            if inner is not None:
                next_state = torch.tensor(inner, dtype=torch.float32).unsqueeze(0)
            memory.push(state, action, next_state, torch.tensor([reward]))
            state = next_state
            optimize_model()
            target, policy = target_net.state_dict(), policy_net.state_dict()
            for key in policy:
                target[key] = policy[key] * 0.05 + target[key] * 0.95
            target_net.load_state_dict(target)
            if next_state is None:
                break
        lengths.append(t + 1)
    return [*losses[-5:], float(sum(lengths)), sum(p.sum().item() for p in target_net.parameters())]
