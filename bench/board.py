"""Run an exported C file's self-test on an emulated Cortex-M4."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["FLAGS", "has_board", "on_cortex_m4"]

FLAGS = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16".split()
SCRIPT = """\
MEMORY { code (rx) : ORIGIN = 0, LENGTH = 4M
         data (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
ENTRY(Reset)
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.ARM.ex*) } > code
  .data : { *(.data*) } > data AT > code
  .bss : { *(.bss*) *(COMMON) } > data
  end = .;
}
"""
START = """\
int main(void);
void Reset(void);
__attribute__((section(".vectors"), used)) static void *const vectors[2] = {
  (void *)0x20100000, (void *)Reset};
void Reset(void)
{
  *(volatile unsigned *)0xE000ED88 |= 0xFu << 20; /* the FPU */
  int code = main() ? 0x20023 : 0x20026; /* semihosting: an error, or the end */
  __asm volatile("mov r0, #0x18\\n mov r1, %0\\n bkpt 0xab" : : "r"(code) : "r0", "r1");
  for (;;)
    ;
}
"""


def has_board() -> bool:
    """Whether the compiler and the emulator are installed."""
    tools = ("arm-none-eabi-gcc", "qemu-system-arm")
    return all(shutil.which(tool) is not None for tool in tools)


def on_cortex_m4(source: Path) -> int:
    """Exit code of the self-test on QEMU's board mps2-an386."""
    script, start = source.with_name("board.ld"), source.with_name("start.c")
    script.write_text(SCRIPT)
    start.write_text(START)
    program = source.with_suffix(".elf")
    words = ["arm-none-eabi-gcc", *FLAGS, "-O2", "-nostartfiles", "--specs=nosys.specs"]
    words += [f"-T{script}", "-DNET_SELF_TEST", str(source), str(start), "-lm", "-o", str(program)]
    built = subprocess.run(words, capture_output=True, text=True)
    if not program.exists():
        raise RuntimeError(built.stderr)
    words = "qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none".split()
    words += ["-semihosting-config", "enable=on,target=native", "-kernel", str(program)]
    return subprocess.run(words, timeout=120).returncode
