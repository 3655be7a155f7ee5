/* A function of three million rows of lines. It calls what it is given. */
	.file 1 "many_lines.c"
	.text
	.globl generated
	.type generated, @function
generated:
	.cfi_startproc
	sub $24, %rsp
	.cfi_def_cfa_offset 32
	.loc 1 1
	call *%rsi
	.rept 1500000
	.loc 1 2
	nop
	.loc 1 3
	nop
	.endr
	add $24, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size generated, .-generated
	.section .note.GNU-stack, "", @progbits
