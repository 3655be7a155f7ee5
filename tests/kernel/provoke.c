// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Makes a kernel fail: what a test writes to /proc/provoke happens in the process that writes. The same as the kernel's
 * own lkdtm, which Debian does not build.
 */
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

/* Long enough for the watchdog with a threshold of 2 seconds, short enough for RCU. */
#define LOCKUP_SECS 12

static int *volatile nowhere;

static noinline void provoke_warning(void)
{
	WARN(1, "provoked: %s\n", "a warning with words");
}

static noinline void provoke_another_warning(void)
{
	WARN_ON(1);
}

static noinline void provoke_bug(void)
{
	BUG();
}

static noinline void provoke_null_dereference(void)
{
	*nowhere = 1;
}

static noinline void provoke_soft_lockup(void)
{
	unsigned long end = jiffies + LOCKUP_SECS * HZ;

	preempt_disable();
	while (time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
}

static noinline void provoke_panic(void)
{
	panic("provoked");
}

static const struct {
	const char *name;
	void (*call)(void);
} ways[] = {
	{ "warning", provoke_warning },
	{ "another-warning", provoke_another_warning },
	{ "bug", provoke_bug },
	{ "null-dereference", provoke_null_dereference },
	{ "soft-lockup", provoke_soft_lockup },
	{ "panic", provoke_panic },
};

static ssize_t provoke_write(struct file *file, const char __user *text, size_t length, loff_t *offset)
{
	char name[32] = "";
	size_t i;

	if (length >= sizeof(name) || copy_from_user(name, text, length))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (sysfs_streq(name, ways[i].name)) {
			ways[i].call();
			return length;
		}
	}
	return -EINVAL;
}

static const struct proc_ops provoke_ops = {
	.proc_write = provoke_write,
};

static int __init provoke_init(void)
{
	return proc_create("provoke", 0200, NULL, &provoke_ops) ? 0 : -ENOMEM;
}
module_init(provoke_init);

MODULE_DESCRIPTION("Makes a kernel fail, for tests");
MODULE_LICENSE("Dual MIT/GPL");
