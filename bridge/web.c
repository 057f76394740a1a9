/* The files of the live page, taken into the binary by the assembler. */
#include "bridge/web.h"

/* The Makefile knows that this object depends on them. */
#define WEB_FILE(name, file) \
	__asm__(".pushsection .rodata\n" \
		".global web_" #name "_begin, web_" #name "_end\n" \
		".hidden web_" #name "_begin, web_" #name "_end\n" \
		"web_" #name "_begin: .incbin \"bridge/web/" file "\"\n" \
		"web_" #name "_end: .byte 0\n" \
		".popsection\n"); \
	__attribute__((visibility("hidden"))) extern const char web_##name##_begin[], web_##name##_end[]

WEB_FILE(page, "live.html");
WEB_FILE(style, "live.css");
WEB_FILE(script, "live.js");

const struct web_file *web_file_find(struct slice path)
{
	static const struct web_file files[] = {
		{ "/", "text/html; charset=utf-8", web_page_begin, web_page_end },
		{ "/live/live.css", "text/css; charset=utf-8", web_style_begin, web_style_end },
		{ "/live/live.js", "text/javascript; charset=utf-8", web_script_begin, web_script_end },
	};

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (slice_is(path, files[i].path))
			return &files[i];
	return NULL;
}
