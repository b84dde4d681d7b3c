"""FreeSWITCH, through its event socket."""
