/* A process of 32 bits. */
	.text
	.global _start
_start:
	movl $1, 0
	.section .note.GNU-stack, "", @progbits
