/* Input event codes that Linux gained after 6.1, whose headers Debian 12 has: numbers from
 * include/uapi/linux/input-event-codes.h, read by make-code-table.py beside the installed headers. */
#define BTN_GRIPL			0x224
#define BTN_GRIPR			0x225
#define BTN_GRIPL2			0x226
#define BTN_GRIPR2			0x227
#define KEY_CAMERA_ACCESS_ENABLE	0x24b
#define KEY_CAMERA_ACCESS_DISABLE	0x24c
#define KEY_CAMERA_ACCESS_TOGGLE	0x24d
#define KEY_ACCESSIBILITY		0x24e
#define KEY_DO_NOT_DISTURB		0x24f
#define KEY_PERFORMANCE			0x2bd
#define SW_USB_INSERT			0x11
