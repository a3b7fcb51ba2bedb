"""Proximal policy optimisation on a point that is to be held at 0, in the style of CleanRL."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions.categorical import Categorical

ENVS, STEPS, EPOCHS, MINIBATCHES = 4, 32, 2, 4


class Points:
    """ENVS points on a line, pushed to the left, not at all or to the right."""

    def reset(self):
        rng = np.random.default_rng(1)
        self.state = rng.uniform(-1, 1, (ENVS, 2)).astype(np.float32)
        return self.state.copy()

    def step(self, action):
        self.state[:, 1] += 0.1 * (action - 1) - 0.02 * self.state[:, 0]
        self.state[:, 0] += 0.1 * self.state[:, 1]
        far = np.abs(self.state[:, 0]) > 1.5
        reward = 1.0 - np.abs(self.state[:, 0])
        self.state[far] = 0.5
        return self.state.copy(), reward, far


def layer_init(layer, std=np.sqrt(2), bias_const=0.0):
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, bias_const)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(
            layer_init(nn.Linear(2, 32)), nn.Tanh(), layer_init(nn.Linear(32, 1), std=1.0)
        )
        self.actor = nn.Sequential(
            layer_init(nn.Linear(2, 32)), nn.Tanh(), layer_init(nn.Linear(32, 3), std=0.01)
        )

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), probs.entropy(), self.critic(x)


def main():
    device = torch.device("cpu")
    np.random.seed(1)
    torch.manual_seed(1)
    torch.backends.cudnn.deterministic = True
    envs = Points()
    agent = Agent().to(device)
    optimizer = optim.Adam(agent.parameters(), lr=2.5e-3, eps=1e-5)
    obs = torch.zeros((STEPS, ENVS, 2)).to(device)
    actions = torch.zeros((STEPS, ENVS)).to(device)
    logprobs = torch.zeros((STEPS, ENVS)).to(device)
    rewards = torch.zeros((STEPS, ENVS)).to(device)
    dones = torch.zeros((STEPS, ENVS)).to(device)
    values = torch.zeros((STEPS, ENVS)).to(device)
    next_obs = torch.Tensor(envs.reset()).to(device)
    next_done = torch.zeros(ENVS).to(device)
    losses = []
    for iteration in range(3):
        optimizer.param_groups[0]["lr"] = (1.0 - iteration / 3) * 2.5e-3
        for step in range(STEPS):
            obs[step] = next_obs
            dones[step] = next_done
            with torch.no_grad():
                action, logprob, _, value = agent.get_action_and_value(next_obs)
                values[step] = value.flatten()
            actions[step] = action
            logprobs[step] = logprob
            new, reward, done = envs.step(action.cpu().numpy())
            rewards[step] = torch.tensor(reward).to(device).view(-1)
            next_obs, next_done = torch.Tensor(new).to(device), torch.Tensor(done).to(device)
        with torch.no_grad():
            next_value = agent.get_value(next_obs).reshape(1, -1)
            advantages = torch.zeros_like(rewards).to(device)
            lastgaelam = 0
            for t in reversed(range(STEPS)):
                nextnonterminal = 1.0 - (next_done if t == STEPS - 1 else dones[t + 1])
                nextvalues = next_value if t == STEPS - 1 else values[t + 1]
                delta = rewards[t] + 0.99 * nextvalues * nextnonterminal - values[t]
                advantages[t] = lastgaelam = delta + 0.99 * 0.95 * nextnonterminal * lastgaelam
            returns = advantages + values
        b_obs = obs.reshape((-1, 2))
        b_logprobs = logprobs.reshape(-1)
        b_actions = actions.reshape((-1,))
        b_advantages, b_returns = advantages.reshape(-1), returns.reshape(-1)
        b_values = values.reshape(-1)
        b_inds = np.arange(STEPS * ENVS)
        size = STEPS * ENVS // MINIBATCHES
        for _ in range(EPOCHS):
            np.random.shuffle(b_inds)
            for start in range(0, STEPS * ENVS, size):
                mb = b_inds[start : start + size]
                _, newlogprob, entropy, newvalue = agent.get_action_and_value(
                    b_obs[mb], b_actions.long()[mb]
                )
                logratio = newlogprob - b_logprobs[mb]
                ratio = logratio.exp()
                mb_advantages = b_advantages[mb]
                mb_advantages = (mb_advantages - mb_advantages.mean()) / (
                    mb_advantages.std() + 1e-8
                )
                pg_loss1 = -mb_advantages * ratio
                pg_loss2 = -mb_advantages * torch.clamp(ratio, 1 - 0.2, 1 + 0.2)
                pg_loss = torch.max(pg_loss1, pg_loss2).mean()
                newvalue = newvalue.view(-1)
                v_clipped = b_values[mb] + torch.clamp(newvalue - b_values[mb], -0.2, 0.2)
                v_loss = (
                    0.5
                    * torch.max(
                        (newvalue - b_returns[mb]) ** 2, (v_clipped - b_returns[mb]) ** 2
                    ).mean()
                )
                loss = pg_loss - 0.01 * entropy.mean() + v_loss * 0.5
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
            losses.append(loss.item())
    var_y = np.var(b_returns.cpu().numpy())
    explained = 1 - np.var(b_returns.cpu().numpy() - b_values.cpu().numpy()) / var_y
    return [*losses, rewards.mean().item(), float(explained)]
