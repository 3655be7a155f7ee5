/* call_on(argument, function, stack top): its caller is found by the frame pointer, on the stack that was left. */
	.text
	.globl call_on
	.type call_on, @function
call_on:
	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov %rdx, %rsp
	call *%rsi
	mov %rbp, %rsp
	pop %rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size call_on, .-call_on
	.section .note.GNU-stack, "", @progbits
