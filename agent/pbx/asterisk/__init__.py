"""Asterisk: AMI, AudioSocket and AGI as pure protocol objects with thin asyncio shells."""
