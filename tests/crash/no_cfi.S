/* A function with a frame pointer and without call frame information. */
	.text
	.global assembled
	.type assembled, @function
assembled:
	push %rbp
	mov %rsp, %rbp
	sub $32, %rsp
	call innermost@plt
	leave
	ret
	.size assembled, . - assembled
	.section .note.GNU-stack, "", @progbits
