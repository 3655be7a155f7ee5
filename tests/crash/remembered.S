/* A function whose call frame information remembers 12 states within each other, and restores six of them before it
 * fails: unwinders that keep fewer know none of its rows. */
	.text
	.globl	remembering
	.type	remembering, @function
remembering:
	.cfi_startproc
	.rept 12
	.cfi_remember_state
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	.endr
	.rept 6
	popq	%rcx
	.cfi_restore_state
	.endr
	xorl	%eax, %eax
	movl	(%rax), %eax
	.rept 6
	popq	%rcx
	.cfi_restore_state
	.endr
	ret
	.cfi_endproc
	.size	remembering, . - remembering
	.section	.note.GNU-stack, "", @progbits
