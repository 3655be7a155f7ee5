/*
 * What existing_program is linked with, and never runs with: the symbols and version nodes of the interface,
 * from another hand than the library under test.
 */
#define SYMBOL(name) \
        int name(void) { return -1; }
SYMBOL(tm_set_config_file)
SYMBOL(tm_create_record)
SYMBOL(tm_set_event_id)
SYMBOL(tm_set_payload)
SYMBOL(tm_send_record)
SYMBOL(tm_is_opted_in)
SYMBOL(tm_free_record)
