/* A function without a frame and without call frame information, which crashes itself. */
	.text
	.global assembled
	.type assembled, @function
assembled:
	mov (%rdi), %eax
	ret
	.size assembled, . - assembled
	.section .note.GNU-stack, "", @progbits
