"""Memory that is freed after one step is kept for the next one."""

from functools import cache

import torch

# Just below the most that glibc's threshold ever adapts to, 32 MiB.
LARGE_BLOCK = 31 * 2**20


@cache
def keep_freed_memory():
    """Let the C library's allocator know that large blocks come and go.

    glibc returns large freed blocks to the system at once, and every batch then waits
    for thousands of page faults. Its threshold for that is dynamic, and rises to the
    size of the largest block that has been freed:
    `M_MMAP_THRESHOLD` in mallopt(3). So one is, once in a process. It is never written
    to, hence takes no memory, and other allocators take no notice.
    """
    torch.empty(LARGE_BLOCK, dtype=torch.uint8)
