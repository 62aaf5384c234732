"""What a network must do, from integers and measured tables, never from waveforms."""
